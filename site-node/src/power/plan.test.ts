import { expect, test } from "vitest";
import type { Liveness } from "../hosts/liveness.ts";
import { type LastOrder, mannerOf, type PowerSituation, planPower } from "./plan.ts";

const online: Liveness = { phase: "online", session: "s2", deadline: 9 };
const left: Liveness = { phase: "offline", session: "s2" };
const lost: Liveness = { phase: "lost", session: "s2" };
const NOW = 10_000_000;

const last = (more: Partial<LastOrder> = {}): LastOrder => ({
  ...{ id: "order-1", session: "s2", at: NOW - 1_000, tries: 1, outcome: "done", reason: undefined },
  ...more,
});
const plan = (more: Partial<PowerSituation>) =>
  planPower({
    ...{ desired: "POWER_STATE_ON", current: "POWER_STATE_ON", liveness: online, last: undefined, blocked: undefined },
    ...{ tooLate: undefined, controller: undefined, now: NOW, freshId: "fresh", ...more },
  });
const OFF = { desired: "POWER_STATE_OFF" } as const;

test.each<[string, Partial<PowerSituation>, unknown, string | undefined, string | undefined]>([
  ["never heard: nothing is said", { liveness: { phase: "unheard" } }, undefined, undefined, undefined],
  ["heard: on", { current: undefined }, "POWER_STATE_ON", "Powered on", undefined],
  [
    "its will stands: on still",
    { liveness: { ...online, phase: "leaving" } },
    "POWER_STATE_ON",
    "Powered on",
    undefined,
  ],
  ["lost: unknown, not on", { liveness: lost }, "POWER_STATE_UNSPECIFIED", "Unknown", undefined],
  ["said goodbye unasked: as last known", { liveness: left }, "POWER_STATE_ON", "Powered on", undefined],
  [
    "left when it was told to: off",
    { ...OFF, liveness: left, last: last() },
    "POWER_STATE_OFF",
    "Powered off",
    undefined,
  ],
  [
    "left while the site-node crashed over telling it: off",
    { ...OFF, liveness: left, last: last({ outcome: undefined }) },
    ...(["POWER_STATE_OFF", "Powered off", undefined] as const),
  ],
  [
    "left after it refused: not off",
    { ...OFF, liveness: left, last: last({ outcome: "refused" }) },
    ...(["POWER_STATE_ON", "Waits to be switched off: its agent is not connected", undefined] as const),
  ],
  [
    "an order of an earlier session says nothing of this one",
    { ...OFF, liveness: left, last: last({ session: "s1" }) },
    ...(["POWER_STATE_ON", "Waits to be switched off: its agent is not connected", undefined] as const),
  ],
  [
    "told and lost: not known to be off",
    { ...OFF, liveness: lost, last: last() },
    ...(["POWER_STATE_UNSPECIFIED", "Unknown: told to switch off, not heard since", undefined] as const),
  ],
  [
    "off, wanted on: somebody has to",
    { current: "POWER_STATE_OFF", liveness: left },
    ...(["POWER_STATE_OFF", "Waits to be switched on by somebody at the machine", undefined] as const),
  ],
  ["on, wanted off: it is told", OFF, "POWER_STATE_ON", "Switching off", "fresh"],
  [
    "an order of an earlier session does not count for this one: it is told again",
    { ...OFF, last: last({ session: "s1" }) },
    ...(["POWER_STATE_ON", "Switching off", "fresh"] as const),
  ],
  ["told a moment ago: time to shut down", { ...OFF, last: last() }, "POWER_STATE_ON", "Switching off", undefined],
  [
    "told five minutes ago and still there: told again",
    { ...OFF, last: last({ at: NOW - 300_000 }) },
    ...(["POWER_STATE_ON", "Switching off", "fresh"] as const),
  ],
  [
    "nobody knows whether it was told: the same order again, which it does not carry out twice (rule 17)",
    { ...OFF, last: last({ outcome: undefined, at: NOW - 60_000 }) },
    ...(["POWER_STATE_ON", "Switching off", "order-1"] as const),
  ],
  [
    "it may not: said, and tried again later",
    { ...OFF, last: last({ outcome: "refused", reason: "it may not" }) },
    ...(["POWER_STATE_ON", "Cannot be switched off: it may not", undefined] as const),
  ],
  [
    "it may not, a minute on: once more",
    { ...OFF, last: last({ outcome: "refused", reason: "it may not", at: NOW - 60_000 }) },
    ...(["POWER_STATE_ON", "Cannot be switched off: it may not", "fresh"] as const),
  ],
  [
    "the third refusal waits longer",
    { ...OFF, last: last({ outcome: "failed", reason: "no", at: NOW - 60_000, tries: 3 }) },
    ...(["POWER_STATE_ON", "Cannot be switched off: no", undefined] as const),
  ],
  [
    "blocked by a conflict, a hold or a recovery: nothing, and why (rules 3, 20, 21)",
    { ...OFF, blocked: "an operator has to choose" },
    ...(["POWER_STATE_ON", "Waits to be switched off: an operator has to choose", undefined] as const),
  ],
  [
    "RESET is never acted on as a state",
    { desired: "POWER_STATE_RESET" },
    ...(["POWER_STATE_ON", "Powered on; POWER_STATE_RESET is not kept up: give a command instead", undefined] as const),
  ],
  [
    "POWER_CYCLE is never acted on as a state",
    { desired: "POWER_STATE_POWER_CYCLE" },
    ...([
      "POWER_STATE_ON",
      "Powered on; POWER_STATE_POWER_CYCLE is not kept up: give a command instead",
      undefined,
    ] as const),
  ],
  [
    "wanted off too long ago: it stays on, and says so (rule 17)",
    { ...OFF, tooLate: NOW - 1 },
    "POWER_STATE_ON",
    `Not switched off: it was wanted too long ago, to begin before ${new Date(NOW - 1).toISOString()}, and must be wanted again`,
    undefined,
  ],
  [
    "wanted on too long ago: not asked of anybody",
    { current: "POWER_STATE_OFF", liveness: left, tooLate: NOW - 1 },
    ...(["POWER_STATE_OFF", expect.stringMatching(/^Not switched on: it was wanted too long ago/), undefined] as const),
  ],
  [
    "too late, and as it was wanted anyway: nothing to say",
    { tooLate: NOW - 1 },
    ...(["POWER_STATE_ON", "Powered on", undefined] as const),
  ],
  ["nothing is wanted: nothing is done", { desired: undefined }, "POWER_STATE_ON", "Powered on", undefined],
])("%s", (_what, situation, current, text, order) => {
  const planned = plan(situation);
  expect([planned.current, planned.status?.text, planned.order?.id]).toEqual([current, text, order]);
});

test.each<[string, Partial<PowerSituation>, boolean]>([
  ["it is told", OFF, true],
  ["it is so already", { ...OFF, current: "POWER_STATE_OFF", liveness: left }, true],
  ["its agent is not there to be told", { ...OFF, liveness: left }, false],
  ["something blocks", { ...OFF, blocked: "an operator has to choose" }, false],
  ["it is too late", { ...OFF, tooLate: NOW - 1 }, false],
  ["it is on and wanted on", {}, true],
])("what is wanted is begun with or not: %s", (_what, situation, begins) => {
  expect(plan(situation).begins).toBe(begins);
});

test("a machine that waits to be switched on says where its controller is, if it has one", () => {
  const off = { current: "POWER_STATE_OFF", liveness: left } as const;
  expect(plan({ ...off, controller: "10.0.0.9" }).status?.text).toMatch(/by its controller at 10\.0\.0\.9/);
});

test.each([
  ["POWER_COMMAND_POLICY_IMMEDIATE", "at-once"],
  ["POWER_COMMAND_POLICY_ORDERED", "orderly"],
  ["POWER_COMMAND_POLICY_UNSPECIFIED", "orderly"],
  [undefined, "orderly"],
] as const)("the policy %s switches off %s", (policy, manner) => {
  expect(mannerOf(policy)).toBe(manner);
});
