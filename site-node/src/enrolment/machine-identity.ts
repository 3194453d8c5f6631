/** What firmware makers leave in serial number fields instead of a serial number; compared in lower case. */
const PLACEHOLDERS: ReadonlySet<string> = new Set([
  "",
  "0",
  "00000000",
  "0123456789",
  "123456789",
  "1234567890",
  "default string",
  "default",
  "empty",
  "invalid",
  "n/a",
  "na",
  "none",
  "not applicable",
  "not available",
  "not specified",
  "not present",
  "o.e.m.",
  "oem",
  "serial",
  "serial number",
  "system serial number",
  "chassis serial number",
  "to be filled by o.e.m.",
  "to be filled by oem",
  "unknown",
  "xxxxxxxx",
]);

/** A serial number that tells machines apart; undefined for what many machines say, and for what is no text. */
export function realSerial(serial: string | undefined): string | undefined {
  const trimmed = serial?.trim() ?? "";
  const sameCharacter = /^(.)\1*$/.test(trimmed);
  const isText = !/\p{C}/u.test(trimmed) && trimmed !== "__proto__";
  return !isText || sameCharacter || PLACEHOLDERS.has(trimmed.toLowerCase()) ? undefined : trimmed;
}

/** Known to be burnt into more than one machine. */
const SHARED_UUIDS: ReadonlySet<string> = new Set([
  "00000000-0000-0000-0000-000000000000",
  "ffffffff-ffff-ffff-ffff-ffffffffffff",
  "03000200-0400-0500-0006-000700080009",
  "12345678-1234-5678-90ab-cddeefaabbcc",
]);

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A UUID that tells machines apart, in lower case; undefined for what many machines say, and for what is no UUID. */
export function realUuid(uuid: string | undefined): string | undefined {
  const lower = uuid?.trim().toLowerCase() ?? "";
  return UUID.test(lower) && !SHARED_UUIDS.has(lower) ? lower : undefined;
}

/** A name that a host may bear (letters, digits and `-_./: `, at most 50), as near to the host name as can be. */
export function nameFrom(hostname: string | undefined, otherwise: string): string {
  const name = (hostname ?? "")
    .replaceAll(/[^a-zA-Z0-9\-_./: ]/g, "-")
    .slice(0, 50)
    .trim();
  return /[a-zA-Z0-9]/.test(name) ? name : otherwise;
}
