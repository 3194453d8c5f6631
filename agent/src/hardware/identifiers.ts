import { createHash } from "node:crypto";

/** What makers leave in a field that they should have filled. Compared in lower case, without punctuation. */
const PLACEHOLDERS = new Set([
  ...["none", "na", "not specified", "not available", "not applicable", "not present", "not provided", "unspecified"],
  ...["unknown", "undefined", "empty", "invalid", "null", "no dimm", "dimm empty", "default", "default string"],
  ...["to be filled by oem", "tbd by oem", "oem", "type1family", "chassis serial number", "base board serial number"],
  ...["system serial number", "serial number", "system product name", "system manufacturer", "product name"],
  ...["manufacturer", "part number", "partnum", "modulepartnumber", "sernum", "serial", "string"],
  ...["123456789", "0123456789", "1234567890", "01234567890123456789", "012345678", "1234567", "12345678", "xxx"],
]);

const MOST_CHARACTERS = 256;

/** The text of a firmware or device field, cleaned; undefined when the maker left a placeholder there. */
export function meaningful(text: string | undefined): string | undefined {
  // Firmware pads with what it likes; nothing outside printable ASCII and letters is kept.
  const cleaned = text
    ?.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, " ")
    .replace(/ +/g, " ")
    .trim()
    .slice(0, MOST_CHARACTERS);
  if (cleaned === undefined || cleaned === "") return undefined;
  const words = cleaned
    .toLowerCase()
    .replace(/[.,/\\()[\]<>"']/g, "")
    .trim();
  return words === "" ||
    PLACEHOLDERS.has(words) ||
    /^(asset|dimm|sernum|partnum|array\d+_partnumber|manufacturer|bank)\d+$/.test(words)
    ? undefined
    : cleaned;
}

/** The same for what should name one thing only: one character over and over (000000, FFFF, x.x.x) names nothing. */
export function distinctive(text: string | undefined): string | undefined {
  const cleaned = meaningful(text);
  if (cleaned === undefined) return undefined;
  const characters = new Set(
    cleaned
      .toLowerCase()
      .replace(/^0x/, "")
      .replace(/[^\p{L}\p{N}]/gu, ""),
  );
  return characters.size < 2 ? undefined : cleaned;
}

/** UUIDs that whole product lines share. */
const SHARED_UUIDS = new Set([
  "03000200-0400-0500-0006-000700080009",
  "12345678-1234-5678-90ab-cddeefaabbcc",
  "00020003-0004-0005-0006-000700080009",
]);

/** A UUID in lower-case RFC 4122 form; undefined when the text is none, all zeroes, all ones, or one that many machines share. */
export function machineUuid(text: string | undefined): string | undefined {
  const uuid = text?.trim().toLowerCase();
  if (uuid === undefined || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) return undefined;
  return new Set(uuid.replaceAll("-", "")).size < 2 || SHARED_UUIDS.has(uuid) ? undefined : uuid;
}

/**
 * The UUID of a machine without one: from its machine-id by SHA-256 under a name of ours, so that the machine-id, which
 * must not be shown (machine-id(5)), cannot be had from it. A UUID is returned as it is, for that is what a capture
 * holds in place of the machine-id. Anything else has no UUID.
 */
export function derivedUuid(machineId: string): string | undefined {
  const id = machineId.trim().toLowerCase();
  if (id.includes("-")) return machineUuid(id);
  if (!/^[0-9a-f]{32}$/.test(id) || new Set(id).size < 2) return undefined;
  const digest = createHash("sha256").update(`holdfast machine uuid\n${id}`).digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80; // RFC 9562 §5.8: version 8, for a digest other than SHA-1
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString("hex", 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
