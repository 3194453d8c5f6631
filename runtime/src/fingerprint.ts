/** The SHA-256 of a certificate's DER as openssl and Node show it, `AB:CD:…`; undefined for a text that is none. */
export function readFingerprint(text: string): string | undefined {
  const digits = text
    .trim()
    .replace(/^sha-?256[:=]/i, "")
    .replaceAll(":", "")
    .toUpperCase();
  return /^[0-9A-F]{64}$/.test(digits) ? digits.match(/../g)?.join(":") : undefined;
}
