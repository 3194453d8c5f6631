import { OAuthFault } from "./oauth-fault.ts";

/** The parameters of a request to the issuer, each at most once (RFC 6749 §3.2). */
export type Form = ReadonlyMap<string, string>;

const LONGEST = 8_192;

/** Reads `application/x-www-form-urlencoded`. Throws an OAuthFault for a parameter that is there twice or is too long. */
export function readForm(text: string): Form {
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (form.has(name)) throw new OAuthFault("invalid_request", `${shown(name)} is there twice`);
    if (value.length > LONGEST) throw new OAuthFault("invalid_request", `${shown(name)} is too long`);
    // A parameter without a value is to be treated as one that is not there (RFC 6749 §3.2).
    if (value !== "") form.set(name, value);
  }
  return form;
}

/** A parameter that must be there. Throws an OAuthFault naming it. */
export function needed(form: Form, name: string): string {
  const value = form.get(name);
  if (value === undefined) throw new OAuthFault("invalid_request", `${name} is needed`);
  return value;
}

/** Parameters of a request's own making are not repeated to it letter by letter. */
function shown(name: string): string {
  return /^[\w-]{1,40}$/.test(name) ? name : "a parameter";
}
