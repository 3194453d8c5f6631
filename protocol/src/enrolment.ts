import { type Static, Type } from "typebox";

/** `POST /v1/enroll` at a site-node: a machine asks to be admitted, with a one-time token as its proof. */
export const EnrolRequest = Type.Object(
  {
    token: Type.String({ minLength: 16, maxLength: 128 }),
    // A creation id of the machine's own making: an enrolment asked again after a lost answer admits no second host.
    machine: Type.String({ minLength: 16, maxLength: 64, pattern: "^[0-9a-f-]+$" }),
    serialNumber: Type.Optional(Type.String({ maxLength: 64 })),
    uuid: Type.Optional(Type.String({ pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" })),
    uuidDerived: Type.Optional(Type.Boolean()),
    hostname: Type.Optional(Type.String({ maxLength: 253 })),
    agent: Type.String({ maxLength: 64 }),
    protocol: Type.Integer({ minimum: 1 }),
    capabilities: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 }),
  },
  { additionalProperties: false },
);
export type EnrolRequest = Static<typeof EnrolRequest>;

/** Where the site's broker answers, on the host that its API answers on. */
const Mqtt = Type.Object({ port: Type.Integer({ minimum: 1, maximum: 65_535 }) });

/** `GET /v1/health` at a site-node: a machine whose broker is not where it was, or whose site is another, finds it here. */
export const SiteHealth = Type.Object({
  status: Type.Literal("active"),
  siteId: Type.Optional(Type.String()),
  mqtt: Mqtt,
});
export type SiteHealth = Static<typeof SiteHealth>;

/** The secret is shown once; the site keeps only its hash. */
export const EnrolReply = Type.Object({
  hostId: Type.String(),
  siteId: Type.String(),
  secret: Type.String(),
  mqtt: Mqtt,
  protocol: Type.Integer(),
  capabilities: Type.Array(Type.String()),
});
export type EnrolReply = Static<typeof EnrolReply>;

/**
 * `POST /v1/arrivals` at a site-node: a machine that another site has admitted is here now. It proves by its secret that it
 * is that host; a site that does not manage the host cannot check that, and shows it to operators as misplaced.
 */
export const ArrivalRequest = Type.Object(
  {
    hostId: Type.String({ pattern: "^host-[0-9a-f]{8}$" }),
    secret: Type.String({ minLength: 16, maxLength: 128 }),
    machine: Type.String({ minLength: 16, maxLength: 64, pattern: "^[0-9a-f-]+$" }),
    serialNumber: Type.Optional(Type.String({ maxLength: 64 })),
    uuid: Type.Optional(Type.String({ maxLength: 36 })),
  },
  { additionalProperties: false },
);
export type ArrivalRequest = Static<typeof ArrivalRequest>;

/** `misplaced`: ask again later, an operator must say that the host belongs here. `welcome`: connect, as a host of this site. */
export const ArrivalReply = Type.Object({
  state: Type.Union([Type.Literal("misplaced"), Type.Literal("welcome")]),
  siteId: Type.String(),
  mqtt: Mqtt,
});
export type ArrivalReply = Static<typeof ArrivalReply>;
