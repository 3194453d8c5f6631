import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, type RequestInfo, fetch as through } from "undici";
import { Fault } from "./errors.ts";
import { tlsFault } from "./tls-fault.ts";

/**
 * `fetch` that trusts servers of this root, PEM, and no others, and speaks TLS 1.3 alone. Throws a Fault that says what to do
 * where a server is not trusted: no byte of the request has left then.
 */
export function fetchTrusting(root: string): typeof fetch {
  const dispatcher = new Agent({ connect: { ca: root, minVersion: "TLSv1.3" }, maxCachedSessions: 0 });
  return async (input, init) => {
    try {
      // The package's own fetch, for its own agent: that of Node is another version of it. They differ in types alone.
      const answer: unknown = await through(input as RequestInfo, { ...(init as object), dispatcher });
      return answer as Response;
    } catch (error) {
      const url = new URL(input instanceof Request ? input.url : input);
      throw tlsFault(error, url.origin) ?? error;
    }
  };
}

/** The root certificate in a file, PEM. Throws InvalidArgument naming the setting. */
export function readRootFile(setting: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new Fault("InvalidArgument", `${setting} ${path}: cannot be read`, { cause });
  }
  try {
    const certificate = new X509Certificate(text);
    if (certificate.ca) return certificate.toString();
  } catch {
    throw new Fault("InvalidArgument", `${setting} ${path}: holds no certificate in PEM`);
  }
  throw new Fault("InvalidArgument", `${setting} ${path}: is the certificate of no root`);
}
