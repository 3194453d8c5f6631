import { type Static, Type } from "typebox";

/** The settings of a soak. */
export const SoakConfig = Type.Object({
  minutes: Type.Number({
    minimum: 0.1,
    maximum: 10_000,
    default: 5,
    expects: "a number of minutes from 0.1 to 10000, such as 0.5",
    description: "for how long there is traffic and trouble; what is waited for at the end comes on top",
  }),
  seed: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 4_294_967_295,
      description: "what is done, to whom and when, follows from it; any when not given",
    }),
  ),
  sites: Type.Integer({ minimum: 1, maximum: 20, default: 2, description: "how many site-nodes there are" }),
  agents: Type.Integer({ minimum: 1, maximum: 20, default: 3, description: "how many agents each site has" }),
  links: Type.Unsafe<"auto" | "namespaces" | "relay">({
    anyOf: ["auto", "namespaces", "relay"].map((way) => ({ const: way, type: "string" })),
    default: "auto",
    description:
      "namespaces: a network namespace for each program, cut by nftables, for root alone; relay: TCP relays on the loopback interface; auto: the first where it can be had",
    placeholder: "WAY",
  }),
  keep: Type.Boolean({ default: false, description: "keeps what programs printed and stored also when all was well" }),
});
export type SoakConfig = Static<typeof SoakConfig>;
