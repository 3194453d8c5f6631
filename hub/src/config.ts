import { KEEP_ALIVE_AT_LEAST_EVERY } from "@holdfast/protocol";
import { LOG_LEVELS } from "@holdfast/runtime";
import { type Static, Type } from "typebox";
import { SIGNIN_SETTINGS } from "./signin/config.ts";
import { TRUST_SETTINGS } from "./trust/config.ts";

const seconds = (initial: number, minimum: number, description: string, maximum = 86_400) =>
  Type.Integer({ minimum, maximum, default: initial, description: `${description}, seconds` });

/** Sites give a stream up that is silent for longer. */
const KEEP_ALIVE_AT_MOST = KEEP_ALIVE_AT_LEAST_EVERY / 1_000;

const home = Type.String({
  minLength: 1,
  default: "./.holdfast/hub",
  description: "where all state is kept",
  placeholder: "DIR",
});

export const secretsKeyFile = Type.Optional(
  Type.String({
    minLength: 1,
    description:
      "file with the key that secrets are sealed by: 32 bytes, plain, in hex or base64; else the credential holdfast-secrets-key of systemd, else secrets-key in the home",
    placeholder: "FILE",
  }),
);

/** The settings of a hub. */
export const HubConfig = Type.Object({
  home,
  hubPort: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 8080,
    description: "port of the hub's API; 0 takes any free one",
  }),
  listen: Type.String({ default: "127.0.0.1", description: "address to listen on", placeholder: "ADDRESS" }),
  ...TRUST_SETTINGS,
  metricsListen: Type.Optional(
    Type.String({
      pattern: "^.+:[0-9]{1,5}$",
      expects: "an address and a port such as 127.0.0.1:9464",
      description: "where metrics are told to whoever asks, without a token; nowhere when not given",
      placeholder: "ADDRESS:PORT",
    }),
  ),
  logLevel: Type.Unsafe<(typeof LOG_LEVELS)[number]>({
    anyOf: LOG_LEVELS.map((level) => ({ const: level, type: "string" })),
    default: "info",
    description: `one of ${LOG_LEVELS.join(", ")}`,
    placeholder: "LEVEL",
  }),
  pollSeconds: seconds(20, 1, "how long a site's long poll is held when nothing happens"),
  streamSeconds: seconds(3_600, 1, "how long a site's event stream is held"),
  keepAliveSeconds: seconds(100, 1, "how often a silent event stream shows that it is alive", KEEP_ALIVE_AT_MOST),
  pageRows: Type.Integer({
    minimum: 1,
    maximum: 100_000,
    default: 1_000,
    description: "how many feed rows one answer carries at most",
  }),
  requestsPerSite: Type.Integer({
    minimum: 2,
    maximum: 1_000,
    default: 8,
    description: "how many requests a site may hold open; the oldest is let go for one more",
  }),
  requestsPerSecond: Type.Integer({
    minimum: 0,
    maximum: 1_000_000,
    default: 200,
    description:
      "how many requests a second one address and one token may make, ten seconds' worth at once; 0: no limit",
  }),
  trustedProxies: Type.String({
    default: "",
    description:
      "addresses and networks of reverse proxies, with commas between: who asks is what they say in X-Forwarded-For",
    placeholder: "ADDRESSES",
  }),
  uplinkSlots: Type.Integer({
    minimum: 1,
    maximum: 10_000,
    default: 8,
    description: "how many sites may send their backlogs at once; the others are told when to come back",
  }),
  secretsKeyFile,
  ...SIGNIN_SETTINGS,
});
export type HubConfig = Static<typeof HubConfig>;

/** The settings of commands that work on a hub's database beside it. */
export const AdminConfig = Type.Object({ home });

export const TokenCreateConfig = Type.Object({
  home,
  name: Type.String({
    pattern: "^[A-Za-z0-9._@-]{1,64}$",
    expects: "a name of at most 64 letters, digits and . _ @ -",
    description: "whose token it is",
    placeholder: "NAME",
  }),
  role: Type.String({
    pattern: "^[a-z-]+( *, *[a-z-]+)*$",
    expects: "read, write, manager, or names of roles with commas between",
    default: "write",
    description: "read, write, manager, or roles of users with commas between",
    placeholder: "ROLE",
  }),
  fields: Type.Optional(
    Type.String({
      description: "the observed fields that a manager writes, such as host.amtStatus, with commas between",
      placeholder: "FIELDS",
    }),
  ),
  projects: Type.String({
    default: "all",
    description: "names of the projects that it opens, with commas between, or all",
    placeholder: "PROJECTS",
  }),
  validDays: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 36_500, description: "days until it expires; for ever when not given" }),
  ),
  offlineDays: Type.Integer({
    minimum: 0,
    maximum: 36_500,
    default: 90,
    description: "for how many days without the hub a site still takes it",
  }),
});
export type TokenCreateConfig = Static<typeof TokenCreateConfig>;

const tokenId = Type.String({
  pattern: "^token-[0-9a-f]{16}$",
  expects: "the id of a token, as `token list` shows it",
  description: "id of the token",
  placeholder: "ID",
});

export const TokenRevokeConfig = Type.Object({ id: tokenId, home });
export type TokenRevokeConfig = Static<typeof TokenRevokeConfig>;

export const TokenConfirmConfig = Type.Object({
  id: Type.Optional(tokenId),
  all: Type.Boolean({ default: false, description: "confirms all that wait" }),
  home,
});
export type TokenConfirmConfig = Static<typeof TokenConfirmConfig>;
