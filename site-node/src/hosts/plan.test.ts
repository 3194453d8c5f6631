import { expect, test } from "vitest";
import { type HostPlan, type HostSituation, planHost } from "./plan.ts";

const SITE = "site-0000000a";
type Held = NonNullable<HostSituation["host"]>;
const ours: Held = { owner: SITE, siteId: SITE, desiredState: "HOST_STATE_ONBOARDED", currentState: undefined };
const plan = (host: Held | undefined, more: Partial<HostSituation> = {}) =>
  planHost({ site: SITE, host, enrolled: true, pending: false, contradicted: false, ...more });

const state = (currentState: string) => ({ observed: { fields: { currentState } } });

test.each<[string, HostPlan, object]>([
  ["enrolled and wanted", plan(ours), { instruct: true, ...state("HOST_STATE_ONBOARDED") }],
  [
    "enrolled, onboarding not asked for",
    plan({ ...ours, desiredState: "HOST_STATE_REGISTERED" }),
    state("HOST_STATE_REGISTERED"),
  ],
  ["not enrolled", plan(ours, { enrolled: false }), { instruct: false, observed: {}, expel: undefined }],
  [
    "not trusted",
    plan({ ...ours, desiredState: "HOST_STATE_UNTRUSTED" }),
    { expel: "revoke", instruct: false, ...state("HOST_STATE_UNTRUSTED") },
  ],
  [
    "not trusted, never enrolled",
    plan({ ...ours, desiredState: "HOST_STATE_UNTRUSTED" }, { enrolled: false }),
    { expel: undefined, ...state("HOST_STATE_UNTRUSTED") },
  ],
  [
    "deleted",
    plan({ ...ours, desiredState: "HOST_STATE_DELETED" }),
    { expel: "forget", release: "deleted", instruct: false },
  ],
  [
    "deleted, own wishes still on their way",
    plan({ ...ours, desiredState: "HOST_STATE_DELETED" }, { pending: true }),
    { expel: "forget", release: undefined },
  ],
  ["moved", plan({ ...ours, siteId: "site-0000000b" }), { expel: "forget", release: "moved", instruct: false }],
  [
    "moved, own wishes still on their way",
    plan({ ...ours, siteId: "site-0000000b" }, { pending: true }),
    { expel: undefined, release: undefined },
  ],
  ["taken from its site", plan({ ...ours, siteId: undefined }), { expel: "forget", release: "moved" }],
  ["gone from the feed", plan(undefined), { expel: "forget", release: undefined }],
  ["another site's", plan({ ...ours, owner: "site-0000000b" }), { expel: "forget", release: undefined, observed: {} }],
])("a host that is %s", (_what, planned, expected) => {
  expect(planned).toMatchObject(expected);
});

test("a machine that contradicts its registration is not called registered", () => {
  expect(plan(ours, { contradicted: true }).observed.statuses).not.toHaveProperty("registrationStatus");
});
