import { Fault } from "@holdfast/runtime";

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;
// Line ends and tabs are text in a body; the fields' own patterns say where they are allowed.
const UNPRINTABLE_IN_BODY = /(?![\n\r\t])[\p{C}\p{Zl}\p{Zp}]/u;
const DEEPEST = 32;

/** Throws InvalidArgument when a URL, percent-decoded, holds characters that cannot be printed. */
export function refuseUnprintableUrl(url: string): void {
  let decoded: string;
  try {
    decoded = decodeURIComponent(url);
  } catch (cause) {
    throw new Fault("InvalidArgument", "the URL is not percent-encoded UTF-8", { cause });
  }
  if (UNPRINTABLE.test(decoded)) throw new Fault("InvalidArgument", "the URL has characters that cannot be printed");
}

/**
 * Throws InvalidArgument when a text or a name anywhere in a JSON value holds characters that cannot be printed, or when
 * it is nested deeper than anything here is.
 */
export function refuseUnprintable(value: unknown, depth = 0): void {
  if (typeof value === "string") {
    if (UNPRINTABLE_IN_BODY.test(value)) {
      throw new Fault("InvalidArgument", "the body has characters that cannot be printed");
    }
    return;
  }
  if (value === null || typeof value !== "object") return;
  if (depth === DEEPEST) throw new Fault("InvalidArgument", `the body is nested deeper than ${DEEPEST}`);
  for (const [name, inner] of Object.entries(value)) {
    refuseUnprintable(name);
    refuseUnprintable(inner, depth + 1);
  }
}
