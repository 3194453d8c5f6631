import { expect, test } from "vitest";
import { judgeWrites, type Shown, type Wanted } from "./judge-writes.ts";
import type { EntryOf } from "./ledger.ts";

const HOST = "host-1";

function write(value: string, over: string[] = [], outcome: EntryOf<"write">["outcome"] = "acknowledged") {
  return { kind: "write", party: "hub", host: HOST, field: "name", value, over, outcome } as const;
}

function choice(value: string | undefined, over: string[]) {
  return { kind: "choice", party: "hub", conflict: "conflict-1", value, over, outcome: "acknowledged" } as const;
}

const deletion = { kind: "deletion", party: "hub", host: HOST, serialNumber: "S1", outcome: "acknowledged" } as const;

function judged(wanted: Partial<Wanted>, name: string | undefined, contested: string[] = []): string[] {
  const host = name === undefined ? undefined : { name: [name], metadata: [], note: [] };
  const shown: Shown = { hosts: new Map([[HOST, host]]), contested: new Set(contested) };
  return judgeWrites({ writes: [], choices: [], registrations: [], deletions: [], ...wanted }, shown);
}

test("a write that is there is not lost", () => {
  expect(judged({ writes: [write("w1x")] }, "w1x")).toEqual([]);
});

test("a write that is not there, and that nobody saw, is lost", () => {
  expect(judged({ writes: [write("w1x"), write("w2x")] }, "w2x")).toEqual([expect.stringContaining("w1x")]);
});

test("a write may be written over by whoever saw it, and that one in its turn", () => {
  expect(judged({ writes: [write("w1x"), write("w2x", ["w1x"]), write("w3x", ["w2x"])] }, "w3x")).toEqual([]);
});

test("a chain of writes whose end is not there is lost as a whole", () => {
  const writes = [write("w1x"), write("w2x", ["w1x"]), write("w3x")];
  expect(judged({ writes }, "w3x")).toHaveLength(2);
});

test("a value of an open conflict is not lost", () => {
  expect(judged({ writes: [write("w1x"), write("w2x")] }, "w2x", ["w1x", "w2x"])).toEqual([]);
});

test("what somebody saw and did not choose is not lost, also when nothing of ours was chosen", () => {
  const writes = [write("w1x"), write("w2x")];
  expect(judged({ writes, choices: [choice("w2x", ["w1x", "w2x"])] }, "w2x")).toEqual([]);
  expect(judged({ writes, choices: [choice(undefined, ["w1x", "w2x"])] }, "vm")).toEqual([]);
});

test("an unanswered write may be there and may have written over another", () => {
  expect(judged({ writes: [write("w1x"), write("w2x", ["w1x"], "unanswered")] }, "w2x")).toEqual([]);
  expect(judged({ writes: [write("w1x"), write("w2x", ["w1x"], "unanswered")] }, "w1x")).toEqual([]);
});

test("a refused write is neither there nor an excuse for another that is not", () => {
  expect(judged({ writes: [write("w1x", [], "refused")] }, "w1x")).toEqual([expect.stringContaining("refused")]);
  expect(judged({ writes: [write("w1x"), write("w2x", ["w1x"], "refused")] }, "vm")).toHaveLength(1);
});

test("what was wanted of a host goes with it when it is deleted", () => {
  expect(judged({ writes: [write("w1x")], deletions: [deletion] }, undefined)).toEqual([]);
});

test("a machine that was registered twice is deleted by either id", () => {
  const twin = {
    kind: "registration",
    party: "site-1",
    host: "host-2",
    value: "w1x",
    outcome: "acknowledged",
  } as const;
  expect(judged({ registrations: [{ ...twin, serialNumber: "S1" }], deletions: [deletion] }, undefined)).toEqual([]);
  expect(judged({ registrations: [{ ...twin, serialNumber: "S2" }], deletions: [deletion] }, undefined)).toHaveLength(
    1,
  );
});

test("what nobody deleted is not gone", () => {
  expect(judged({ writes: [write("w1x")] }, undefined)).toEqual([expect.stringContaining("lost")]);
});

test("what was deleted does not come back", () => {
  expect(judged({ deletions: [deletion] }, "vm")).toEqual([expect.stringContaining("deleted")]);
});

test("a registration is there under the id that was acknowledged, or as a value of a conflict", () => {
  const registration = { kind: "registration", party: "hub", host: HOST, serialNumber: "S1", value: "w1x" } as const;
  const registrations = [{ ...registration, outcome: "acknowledged" as const }];
  expect(judged({ registrations }, "w1x")).toEqual([]);
  expect(judged({ registrations }, undefined, ["w1x"])).toEqual([]);
  expect(judged({ registrations }, undefined)).toHaveLength(1);
});
