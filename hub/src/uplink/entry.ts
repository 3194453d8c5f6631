import { MAX_ENTRY_BYTES, UPLINK_ENTRIES, type UplinkEntry } from "@holdfast/protocol";
import { Compile } from "typebox/compile";
import { isTime } from "./time.ts";

/** What is shown to people as a time: one that cannot be would keep them from seeing anything beside it. */
const TIMES: ReadonlySet<string> = new Set(["at", "issuedAt", "notAfter"]);

const SHAPES: ReadonlyMap<string, ReturnType<typeof Compile>> = new Map(
  Object.entries(UPLINK_ENTRIES).map(([type, schema]) => [type, Compile(schema)]),
);

export type ReadEntry =
  | { readonly entry: UplinkEntry; readonly reason?: undefined }
  | { readonly entry?: undefined; readonly reason: string };

/** An entry as it was sent, or why it is none that this hub understands. What a newer site adds to one is kept. */
export function readEntry(sent: unknown): ReadEntry {
  const type = typeof sent === "object" && sent !== null && "type" in sent ? sent.type : undefined;
  const shape = typeof type === "string" ? SHAPES.get(type) : undefined;
  if (!shape) return { reason: `unknown type of entry: ${JSON.stringify(type)?.slice(0, 64)}` };
  const text = JSON.stringify(sent);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_ENTRY_BYTES) return { reason: `the entry has ${bytes} bytes, at most ${MAX_ENTRY_BYTES} are taken` };
  // No text of ours holds a NUL, and PostgreSQL stores none; `__proto__` names no field of anything.
  if (text.includes("\\u0000") || text.includes('"__proto__"')) return { reason: `${type}: holds a forbidden text` };
  if (!shape.Check(sent)) {
    const [error] = shape.Errors(sent);
    return { reason: `${type}: ${error?.instancePath || "/"} ${error?.message}` };
  }
  const entry = sent as UplinkEntry;
  const times = "given" in entry && entry.given ? { at: entry.at, ...timesOf(entry.given) } : timesOf(entry);
  const wrong = Object.entries(times).find(([, at]) => !isTime(at));
  return wrong ? { reason: `${type}: ${wrong[0]} is no time` } : { entry };
}

function timesOf(from: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => TIMES.has(name)));
}
