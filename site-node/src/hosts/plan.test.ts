import { expect, test } from "vitest";
import { type HostPlan, type HostSituation, planHost } from "./plan.ts";
import { RUNNING } from "./statuses.ts";

const SITE = "site-0000000a";
type Held = NonNullable<HostSituation["host"]>;
const ours: Held = { owner: SITE, siteId: SITE, desiredState: "HOST_STATE_ONBOARDED", generation: 7 };
const plan = (host: Held | undefined, more: Partial<HostSituation> = {}) =>
  planHost({ site: SITE, host, enrolled: true, pending: false, contradicted: false, presence: undefined, ...more });

const state = (currentState: string) => ({ observed: { fields: { currentState } } });

test.each<[string, HostPlan, object]>([
  ["enrolled and wanted", plan(ours), { instruct: true, ...state("HOST_STATE_ONBOARDED") }],
  [
    "enrolled, onboarding not asked for",
    plan({ ...ours, desiredState: "HOST_STATE_REGISTERED" }),
    state("HOST_STATE_REGISTERED"),
  ],
  [
    "not enrolled",
    plan(ours, { enrolled: false, presence: RUNNING }),
    { instruct: false, observed: { observedGeneration: 7 }, expel: undefined },
  ],
  [
    "not trusted",
    plan({ ...ours, desiredState: "HOST_STATE_UNTRUSTED" }),
    { expel: "untrusted", instruct: false, ...state("HOST_STATE_UNTRUSTED") },
  ],
  [
    "not trusted, never enrolled",
    plan({ ...ours, desiredState: "HOST_STATE_UNTRUSTED" }, { enrolled: false }),
    { expel: undefined, ...state("HOST_STATE_UNTRUSTED") },
  ],
  [
    "deleted",
    plan({ ...ours, desiredState: "HOST_STATE_DELETED" }),
    { expel: "deleted", release: "deleted", instruct: false, waits: false },
  ],
  [
    "deleted, own wishes still on their way",
    plan({ ...ours, desiredState: "HOST_STATE_DELETED" }, { pending: true }),
    { expel: "deleted", release: undefined, waits: true },
  ],
  [
    "moved",
    plan({ ...ours, siteId: "site-0000000b" }),
    { expel: "moved", release: "moved", instruct: false, observed: {} },
  ],
  [
    "moved, own wishes still on their way",
    plan({ ...ours, siteId: "site-0000000b" }, { pending: true }),
    { expel: undefined, release: undefined, waits: true },
  ],
  ["taken from its site", plan({ ...ours, siteId: undefined }), { expel: "moved", release: "moved" }],
  ["gone from the feed", plan(undefined), { expel: "gone", release: undefined }],
  ["another site's", plan({ ...ours, owner: "site-0000000b" }), { expel: "gone", release: undefined, observed: {} }],
])("a host that is %s", (_what, planned, expected) => {
  expect(planned).toMatchObject(expected);
});

test("a machine that contradicts its registration is not called registered", () => {
  expect(plan(ours, { contradicted: true }).observed.statuses).not.toHaveProperty("registrationStatus");
});

test("how far the site has got is said of every host that is its own, with and without a machine", () => {
  expect(plan(ours).observed.observedGeneration).toBe(7);
  expect(plan({ ...ours, desiredState: "HOST_STATE_UNTRUSTED" }).observed.observedGeneration).toBe(7);
});

test("an enrolled machine's presence is part of what its host shows", () => {
  expect(plan(ours, { presence: RUNNING }).observed.statuses).toMatchObject({ hostStatus: RUNNING });
  expect(plan(ours).observed.statuses).not.toHaveProperty("hostStatus");
});
