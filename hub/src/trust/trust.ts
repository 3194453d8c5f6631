import { constants, type X509Certificate } from "node:crypto";
import type { ServerOptions as HttpsOptions } from "node:https";
import { networkInterfaces } from "node:os";
import { Server as TlsServer } from "node:tls";
import { type Clock, type Closable, type Log, seconds } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import type { HubConfig } from "../config.ts";
import { certificateNames } from "./names.ts";
import { openRoot, type Root } from "./root.ts";
import { createServerCertificate, type ServerIdentity } from "./server-certificate.ts";

export interface TrustParts {
  readonly home: string;
  readonly config: HubConfig;
  readonly clock: Clock;
  readonly log: Log;
}

/** Why a hub is trusted. */
export interface Trust {
  readonly root: Root;
  /** Of the listener; undefined where it speaks plain HTTP. */
  readonly tls: HttpsOptions | undefined;
  /** The certificate that is shown now; undefined where none is. */
  certificate(): X509Certificate | undefined;
  /** Shows each new certificate to whoever connects from then on, until closed. */
  serve(app: FastifyInstance): Closable;
}

/** The hub's root and, where it answers by HTTPS, its certificate. */
export async function createTrust({ home, config, clock, log }: TrustParts): Promise<Trust> {
  const root = await openRoot({ home, config, clock, log });
  if (config.tls !== "on") {
    return { root, tls: undefined, certificate: () => undefined, serve: () => ({ close: () => undefined }) };
  }
  const names = certificateNames({
    given: config.tlsNames,
    listen: config.listen,
    publicUrl: config.publicUrl,
    addresses: Object.values(networkInterfaces()).flatMap((at) => (at ?? []).map(({ address }) => address)),
  });
  const certificate = await createServerCertificate({ root, names, clock, log });
  return {
    root,
    tls: tlsOptions(certificate.first),
    certificate: certificate.current,
    serve: ({ server }) =>
      certificate.keepGood((identity) => {
        if (server instanceof TlsServer) server.setSecureContext(tlsOptions(identity));
      }),
  };
}

/**
 * TLS 1.3 alone, and no session tickets: Node resumes a session without looking whether the certificates of its beginning
 * are still good.
 */
function tlsOptions(identity: ServerIdentity): HttpsOptions {
  return {
    ...identity,
    minVersion: "TLSv1.3",
    secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: seconds(15),
  };
}
