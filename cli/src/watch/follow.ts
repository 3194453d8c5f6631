import { type Clock, fullJitter, messageOf } from "@holdfast/runtime";
import type { Api, Query, Shown } from "../api.ts";
import { Refusal, UsageError } from "../faults.ts";
import { readEvents } from "./event-stream.ts";

export interface Following {
  readonly api: Pick<Api, "stream">;
  readonly path: string;
  readonly query: Query;
  readonly clock: Pick<Clock, "sleep">;
  readonly signal: AbortSignal;
  /** Told why the stream ended, before it is asked for again. */
  interrupted(why: string): void;
}

/** What happened to a resource: `created`, `updated` or `deleted`, of which last only the id is told. */
export interface Happening {
  readonly event: string;
  readonly resource: Shown;
}

const WAITS = { first: 1_000, most: 30_000 };
const GONE = 410;

/**
 * All that happens to a list's resources, beginning with those that are there, until the signal; over whatever ends a stream.
 * After a cursor that leads nowhere any more it begins anew. Throws a Refusal when the list may not be watched.
 */
export async function* follow(following: Following): AsyncGenerator<Happening> {
  const { api, path, query, clock, signal, interrupted } = following;
  let cursor: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const { name, data, id } of readEvents(await api.stream(path, { ...query, watch: "true", cursor }))) {
        failures = 0;
        if (name === "error") throw new Error(String(parsed(data).message));
        cursor = id ?? cursor;
        if (name !== "bookmark") yield { event: name, resource: parsed(data) };
      }
      interrupted("the stream has ended");
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof UsageError) throw error;
      if (error instanceof Refusal && error.status === GONE) cursor = undefined;
      else if (error instanceof Refusal && error.status < 500 && error.status !== 429) throw error;
      interrupted(messageOf(error));
    }
    await clock.sleep(fullJitter(failures++, WAITS), signal).catch(() => undefined);
  }
}

function parsed(data: string): Shown {
  return JSON.parse(data) as Shown;
}
