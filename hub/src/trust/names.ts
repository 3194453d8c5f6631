import { isIP } from "node:net";
import { Fault } from "@holdfast/runtime";

export interface NameParts {
  /** `--tls-names`: with commas between. */
  readonly given: string;
  /** `--listen`. */
  readonly listen: string;
  readonly publicUrl: string | undefined;
  /** Addresses of this machine: what is listened on when that is all of them. */
  readonly addresses: readonly string[];
}

const ALWAYS = ["localhost", "127.0.0.1", "::1"];
/** RFC 1123 §2.1; the left-most label may be a wildcard. RFC 6125 §6.4.3 */
const DNS_NAME = /^(?=.{1,253}$)(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** By what names a hub's certificate knows it, each once. Throws InvalidArgument naming the setting for what is no name. */
export function certificateNames({ given, listen, publicUrl, addresses }: NameParts): readonly string[] {
  const said = given
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  const wrong = said.find((name) => !isName(name));
  if (wrong !== undefined)
    throw new Fault(
      "InvalidArgument",
      `--tls-names: "${wrong}" is neither a name such as hub.example.org nor an address`,
    );
  const listened = ["0.0.0.0", "::"].includes(listen) ? addresses : [listen.toLowerCase()];
  const host = publicUrl === undefined ? [] : [new URL(publicUrl).hostname.replace(/^\[|\]$/g, "")];
  return [...new Set([...said, ...host, ...listened, ...ALWAYS])].filter(isName);
}

function isName(text: string): boolean {
  return (isIP(text) !== 0 && !text.includes("%")) || DNS_NAME.test(text);
}
