import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { seconds } from "./clock.ts";
import { Fault, messageOf } from "./errors.ts";
import { tlsFault } from "./tls-fault.ts";

const LONGEST_CHAIN = 10;
const ANSWERS_WITHIN = seconds(20);

export interface PinnedRootRequest {
  /** Of the server, `https:`. */
  readonly url: string;
  /** As `readFingerprint` gives it. */
  readonly fingerprint: string;
  readonly signal?: AbortSignal;
}

/**
 * The root certificate with this fingerprint, PEM, as the server itself shows it. Nothing is told to the server but whom one
 * wants to reach, and nothing of it is believed yet: what is asked afterwards verifies it by this root. Throws
 * FailedPrecondition when the server shows no such root, Unavailable when it cannot be reached, and the signal's reason once
 * that is aborted.
 */
export async function rootByFingerprint({ url, fingerprint, signal }: PinnedRootRequest): Promise<string> {
  const { hostname, port, origin } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const within = AbortSignal.any([AbortSignal.timeout(ANSWERS_WITHIN), ...(signal ? [signal] : [])]);
  within.throwIfAborted();
  const socket = connect({
    ...{ host, port: Number(port || 443), minVersion: "TLSv1.3", ALPNProtocols: ["http/1.1"] },
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // The chain is looked at, not trusted: no byte of a request goes over this connection.
    rejectUnauthorized: false,
  });
  try {
    const shown = chainOf(await connected(socket, within));
    const root = shown.find((certificate) => certificate.fingerprint256 === fingerprint);
    if (root?.ca) return root.toString();
    const is = shown.at(-1)?.fingerprint256 ?? "none";
    const then = "either the fingerprint is that of another hub, or somebody stands between; nothing secret was sent";
    throw new Fault("FailedPrecondition", `${origin} shows the root ${is}, not ${fingerprint}: ${then}`);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw (
      tlsFault(error, origin) ??
      new Fault("Unavailable", `cannot reach ${origin}: ${messageOf(error)}`, { cause: error })
    );
  } finally {
    socket.destroy();
  }
}

function connected(socket: TLSSocket, signal: AbortSignal): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  socket.once("secureConnect", () => resolve(socket));
  socket.once("error", reject);
  socket.once("close", () => reject(new Error("the connection was closed")));
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return promise.finally(() => {
    signal.removeEventListener("abort", onAbort);
    socket.on("error", () => undefined);
  });
}

/** The server's own certificate first, each next the issuer of the one before. */
function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (at?.raw && chain.length < LONGEST_CHAIN) {
    chain.push(new X509Certificate(at.raw));
    // A root is its own issuer.
    at = at.issuerCertificate === at ? undefined : at.issuerCertificate;
  }
  return chain;
}
