import { REQUESTS_PER_SECOND } from "@holdfast/inventory/api/request-limits";
import { LOG_LEVELS } from "@holdfast/runtime";
import { type Static, Type } from "typebox";

const port = (initial: number, of: string) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: initial, description: `port of ${of}; 0 takes any free one` });

/** The settings of a site-node. */
export const SiteConfig = Type.Object({
  home: Type.String({
    minLength: 1,
    default: "./.holdfast/site",
    description: "where all state is kept",
    placeholder: "DIR",
  }),
  hubUrl: Type.String({
    pattern: "^https?://[^/?#]+[^?#]*$",
    expects: "a URL such as http://10.0.0.1:8080",
    description: "where the hub answers; it may be away for as long as it likes",
    placeholder: "URL",
  }),
  hubRootFile: Type.Optional(
    Type.String({
      minLength: 1,
      description: "the certificate of the hub's root, PEM, as root.pem in the hub's home: no other is trusted then",
      placeholder: "FILE",
    }),
  ),
  hubRootFingerprint: Type.Optional(
    Type.String({
      minLength: 1,
      description: "the SHA-256 of that certificate instead, as the hub logs it when it starts",
      placeholder: "SHA256",
    }),
  ),
  siteId: Type.Optional(
    Type.String({
      pattern: "^site-[0-9a-f]{8}$",
      expects: "the id of a site, such as site-0a1b2c3d",
      description: "which site this is; needed at the first start, remembered after",
      placeholder: "ID",
    }),
  ),
  tokenFile: Type.String({ description: "a file that holds the site's token for the hub", placeholder: "FILE" }),
  listen: Type.String({ default: "127.0.0.1", description: "address to listen on", placeholder: "ADDRESS" }),
  sitePort: port(8081, "the local API"),
  mqttPort: port(1883, "the MQTT broker"),
  requestsPerSecond: Type.Integer({
    minimum: 0,
    maximum: 1_000_000,
    default: REQUESTS_PER_SECOND,
    description:
      "how many requests a second one address and one token may make, ten seconds' worth at once; 0: no limit",
  }),
  metricsListen: Type.Optional(
    Type.String({
      pattern: "^.+:[0-9]{1,5}$",
      expects: "an address and a port such as 127.0.0.1:9464",
      description: "where metrics are told to whoever asks, without a token; nowhere when not given",
      placeholder: "ADDRESS:PORT",
    }),
  ),
  releases: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        "where releases of the agent are, with manifest and signature beside each; none are served when not given",
      placeholder: "DIR",
    }),
  ),
  releaseKeys: Type.Optional(
    Type.String({
      minLength: 1,
      description: "a file with the minisign public keys by which releases are trusted; needed with --releases",
      placeholder: "FILE",
    }),
  ),
  logLevel: Type.Unsafe<(typeof LOG_LEVELS)[number]>({
    anyOf: LOG_LEVELS.map((level) => ({ const: level, type: "string" })),
    default: "info",
    description: `one of ${LOG_LEVELS.join(", ")}`,
    placeholder: "LEVEL",
  }),
});
export type SiteConfig = Static<typeof SiteConfig>;
