import { hash } from "node:crypto";
import type { LogPosition } from "../../store/revisions.ts";
import { refusal } from "../body/check-value.ts";
import { StartAnew } from "../errors.ts";

/** How far a watcher has got. */
export interface WatchCursor {
  /** Digest of which log it counts in. */
  readonly log: string;
  readonly seq: number;
  /** Digest of which sites were silent: what is shown of their machines follows from that too. */
  readonly silent: string;
}

function digest(text: string): string {
  return text === "" ? "" : hash("sha1", text, "base64url").slice(0, 8);
}

/** Where a watcher is that has seen everything up to a revision. */
export function cursorAt({ log }: Pick<LogPosition, "log">, seq: number, silent: readonly string[]): WatchCursor {
  return { log: digest(log), seq, silent: digest(silent.toSorted().join()) };
}

/** Opaque: what it holds is nobody's to rely on. */
export function writeCursor({ log, seq, silent }: WatchCursor): string {
  return Buffer.from(`${log}.${seq}.${silent}`).toString("base64url");
}

/** Throws InvalidArgument naming `cursor` for what was not given here. */
export function readCursor(text: string): WatchCursor {
  const [, log, seq, silent] = /^([\w-]*)\.(\d{1,15})\.([\w-]*)$/.exec(Buffer.from(text, "base64url").toString()) ?? [];
  if (log === undefined || silent === undefined) throw refusal("cursor", "is none that was given here");
  return { log, seq: Number(seq), silent };
}

/** Throws StartAnew when what came after a cursor is not known any more. */
export function checkCursor(cursor: WatchCursor, position: LogPosition): void {
  const { log } = cursorAt(position, 0, []);
  if (cursor.log !== log) throw new StartAnew("cursor: it is of another time, which was lost: begin without it");
  if (cursor.seq > position.head) throw new StartAnew("cursor: it is beyond all that has happened: begin without it");
  if (cursor.seq < position.floor) throw new StartAnew("cursor: it is too old: begin without it");
}
