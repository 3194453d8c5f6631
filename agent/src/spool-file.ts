import { createHash } from "node:crypto";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";

/**
 * A message on its way to the site. `key` names what it is the latest state of: it replaces an unsent one of the same
 * key, and never overtakes one. Without a key every message counts, in no order.
 */
export interface SpoolMessage {
  /** The topic below the host's own prefix. */
  readonly leaf: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly key?: string;
  /** What its sender wants to know again when the site has it: a report's hash, say. */
  readonly note?: string;
  /** How many measurements are lost if it is dropped. */
  readonly points?: number;
}

const Header = Type.Object({
  leaf: Type.String({ minLength: 1, maxLength: 256 }),
  retain: Type.Boolean(),
  key: Type.Optional(Type.String()),
  note: Type.Optional(Type.String()),
  points: Type.Optional(Type.Integer({ minimum: 0 })),
  sha256: Type.String(),
});

const NEWLINE = 0x0a;

/** One line of JSON with a digest over the rest of the file, then the payload as it is. */
export function encodeSpoolFile(message: SpoolMessage): Uint8Array {
  const { payload, ...about } = message;
  const header: Static<typeof Header> = { ...about, sha256: "" };
  header.sha256 = digest(header, payload);
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), payload]);
}

/** The message in a spool file; throws with the reason when it is not whole. */
export function decodeSpoolFile(content: Uint8Array): SpoolMessage {
  const end = content.indexOf(NEWLINE);
  if (end === -1) throw new Error("no header line");
  const header: unknown = JSON.parse(Buffer.from(content.subarray(0, end)).toString("utf8"));
  if (!Value.Check(Header, header)) throw new Error("not a header of a spooled message");
  const payload = content.subarray(end + 1);
  const { sha256, ...about } = header;
  if (digest({ ...about, sha256: "" }, payload) !== sha256) throw new Error("its digest does not fit");
  return { ...about, payload };
}

function digest(header: Static<typeof Header>, payload: Uint8Array): string {
  const { leaf, retain, key, note, points } = header;
  return createHash("sha256")
    .update(JSON.stringify([leaf, retain, key ?? null, note ?? null, points ?? null]))
    .update(payload)
    .digest("hex");
}
