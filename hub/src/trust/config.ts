import { type Static, Type } from "typebox";

/** How the hub answers: by HTTPS, in plain on this machine, or in plain behind a proxy that speaks HTTPS for it. */
const TLS = ["off", "on", "at-proxy"] as const;

/** The hub's settings of whom it is trusted by. */
export const TRUST_SETTINGS = {
  tls: Type.Unsafe<(typeof TLS)[number]>({
    anyOf: TLS.map((one) => ({ const: one, type: "string" })),
    default: "off",
    description:
      "on: HTTPS, TLS 1.3 alone; off: plain HTTP, on loopback addresses alone; at-proxy: plain HTTP on any address, for a hub that nobody but a proxy which ends TLS can reach",
    placeholder: "on|off|at-proxy",
  }),
  tlsNames: Type.String({
    default: "",
    description:
      "names and addresses by which the hub is reached, with commas between, for its certificate; localhost, the addresses that it listens on and the host of --public-url are in it anyway",
    placeholder: "NAMES",
  }),
  rootCertificateFile: Type.Optional(
    Type.String({
      minLength: 1,
      description: "a root of your own instead of the one that the hub makes: its certificate, PEM",
      placeholder: "FILE",
    }),
  ),
  rootKeyFile: Type.Optional(
    Type.String({
      minLength: 1,
      description: "the private key of that root, PEM without a passphrase",
      placeholder: "FILE",
    }),
  ),
};
const TrustConfig = Type.Object(TRUST_SETTINGS);
export type TrustConfig = Static<typeof TrustConfig>;
