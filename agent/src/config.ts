import { LOG_LEVELS } from "@holdfast/runtime";
import { type Static, Type } from "typebox";

/** The settings of the agent: flags, `HOLDFAST_*`, the file that `--config` names, defaults. */
export const AgentConfig = Type.Object({
  siteUrl: Type.String({
    pattern: "^https?://[^/?#]+/?$",
    expects: "a URL such as http://10.0.0.1:8081",
    placeholder: "URL",
    description: "where the site-node answers HTTP, as http://10.0.0.1:8081; MQTT is spoken to the same host",
  }),
  stateDir: Type.String({
    minLength: 1,
    default: "/var/lib/holdfast-agent",
    placeholder: "DIR",
    description: "identity, unsent messages and what was applied; private to the agent",
  }),
  enrolTokenFile: Type.Optional(
    Type.String({
      minLength: 1,
      placeholder: "FILE",
      description: "a file holding the one-time token that admits this machine; needed until it is enrolled",
    }),
  ),
  mqttPort: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_535,
      description: "MQTT port of the site-node, when not the one that it tells",
    }),
  ),
  releaseKeys: Type.Optional(
    Type.String({
      minLength: 1,
      placeholder: "FILE",
      description: "minisign public keys by which releases of the agent are trusted; it never updates itself without",
    }),
  ),
  programs: Type.String({
    minLength: 1,
    default: "/opt/holdfast-agent",
    placeholder: "DIR",
    description: "where an installed agent's releases are",
  }),
  allowPower: Type.Boolean({
    default: false,
    description: "lets the site switch this machine off and reset it",
  }),
  root: Type.String({
    minLength: 1,
    default: "/",
    placeholder: "DIR",
    description: "where /proc, /sys, /run and /etc are looked for",
  }),
  logLevel: Type.Unsafe<(typeof LOG_LEVELS)[number]>({
    anyOf: LOG_LEVELS.map((level) => ({ const: level, type: "string" })),
    default: "info",
    description: `how much is logged, one of ${LOG_LEVELS.join(", ")}`,
    placeholder: "LEVEL",
  }),
  telemetrySeconds: Type.Integer({
    minimum: 0,
    maximum: 86_400,
    default: 60,
    description: "seconds between two measurements; 0 measures nothing; the site may set another",
  }),
  rescanSeconds: Type.Integer({
    minimum: 1,
    maximum: 86_400,
    // One reading takes 35 ms of processor time: every minute would be more than all the rest of the agent takes.
    default: 300,
    description: "seconds between two readings of the hardware, to notice a change",
  }),
});
export type AgentConfig = Readonly<Static<typeof AgentConfig>>;
