import { expect, test } from "vitest";
import { readEvents, type StreamEvent } from "./event-stream.ts";

const STREAM =
  'event: created\ndata: {"a":1}\n\n: keep-alive\n\nid: c1\nevent: bookmark\ndata: {}\n\ndata: x\ndata:  y\n\nevent: deleted\n';

async function eventsIn(pieces: readonly string[]) {
  const stream = (async function* () {
    yield* pieces;
  })();
  const events: StreamEvent[] = [];
  for await (const event of readEvents(stream)) events.push(event);
  return events;
}

test.each([1, 2, 7, STREAM.length])(
  "events are read whole from pieces of %i characters; one that is cut off is none",
  async (size) => {
    const pieces = STREAM.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
    expect(await eventsIn(pieces)).toEqual([
      { name: "created", data: '{"a":1}', id: undefined },
      { name: "bookmark", data: "{}", id: "c1" },
      { name: "message", data: "x\n y", id: undefined },
    ]);
  },
);
