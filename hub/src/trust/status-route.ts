import type { X509Certificate } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { documented } from "../documented.ts";
import type { Trust } from "./trust.ts";

const Time = Type.String({ format: "date-time" });
const Fingerprint = Type.String({ description: "SHA-256 of the certificate's DER, as openssl shows it" });
const Dates = { fingerprint: Fingerprint, notBefore: Time, notAfter: Time };

const GET_TRUST = documented({
  tag: "Trust",
  operationId: "GetTrust",
  summary: "By which root the hub is known, and which certificate it shows",
  answer: Type.Object({
    root: Type.Object({
      ...Dates,
      by: Type.Unsafe<string>({ type: "string", enum: ["hub", "operator"], description: "who made it" }),
      certificate: Type.String({ description: "PEM" }),
    }),
    server: Type.Unsafe<unknown>({
      anyOf: [Type.Object({ ...Dates, names: Type.Array(Type.String()) }), { type: "null" }],
      description: "null where the hub speaks plain HTTP",
    }),
  }),
});

/** `GET /v1/trust`: for whoever has signed in; nothing of it is secret. */
export function trustRoute(app: FastifyInstance, trust: Pick<Trust, "root" | "certificate">): void {
  app.get("/v1/trust", { config: { needs: "own" }, schema: GET_TRUST }, async () => {
    const { certificate, by } = trust.root;
    const server = trust.certificate();
    return {
      root: { ...datesOf(certificate), by, certificate: certificate.toString() },
      server: server ? { ...datesOf(server), names: namesOf(server) } : null,
    };
  });
}

function datesOf({ fingerprint256: fingerprint, validFromDate, validToDate }: X509Certificate): object {
  return { fingerprint, notBefore: validFromDate.toISOString(), notAfter: validToDate.toISOString() };
}

function namesOf({ subjectAltName = "" }: X509Certificate): readonly string[] {
  return subjectAltName.split(", ").map((name) => name.replace(/^(DNS|IP Address):/, ""));
}
