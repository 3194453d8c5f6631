import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { type ShapePage, upToDate } from "./page.ts";
import type { Seal } from "./seal.ts";

const compress = promisify(gzip);

/** A page as bytes. Made once and handed to every follower that waits at the same offset. */
export interface RenderedPage extends ShapePage {
  /** The JSON array of an ordinary answer. */
  json(): Buffer;
  /** The same, compressed. */
  gzipped(): Promise<Buffer>;
  /** The same messages as server-sent events. */
  events(): Buffer;
}

export function render(page: ShapePage, seal: Seal): RenderedPage {
  const messages = page.upToDate ? [...page.messages, upToDate(page.next.seq, seal)] : page.messages;
  let json: Buffer | undefined;
  let gzipped: Promise<Buffer> | undefined;
  let events: Buffer | undefined;
  const asJson = () => {
    json ??= Buffer.from(`[${messages.join(",\n")}]`);
    return json;
  };
  return {
    ...page,
    json: asJson,
    gzipped: () => {
      gzipped ??= compress(asJson(), { level: constants.Z_BEST_SPEED });
      return gzipped;
    },
    events: () => {
      events ??= Buffer.from(messages.map((message) => `data: ${message}\n\n`).join(""));
      return events;
    },
  };
}
