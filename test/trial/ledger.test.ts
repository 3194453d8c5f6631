import { expect, test } from "vitest";
import { Ledger, type Outcome } from "./ledger.ts";

const HOST = "host-00000001";
const wish = { resource: HOST, field: "name", acknowledged: true, asked: 0 };

/** What is there in the end: one value, what people are asked about besides, and other ids of the host. */
function inTheEnd(
  value: string,
  contested: readonly string[] = [],
  ids: Readonly<Record<string, string>> = {},
): Outcome {
  return {
    idOf: (resource) => ids[resource] ?? resource,
    valueOf: (resource) => (resource === HOST ? value : undefined),
    contested: () => contested,
    isTold: () => false,
  };
}

test("what was wanted under an id that is no more was wanted of the host that survives", () => {
  const ledger = new Ledger();
  ledger.found("host-000000ff", "name", "a");
  ledger.wanted({ ...wish, resource: "host-000000ff", value: "b", over: ["a"] });
  const ids = { "host-000000ff": HOST };
  expect(ledger.faultsIn(inTheEnd("b", [], ids))).toEqual([]);
  expect(ledger.faultsIn(inTheEnd("a", [], ids))).toHaveLength(2);
});

test("what somebody put another value in place of shows while people are asked about that one, and only then", () => {
  const ledger = new Ledger();
  ledger.found(HOST, "name", "a");
  ledger.wanted({ ...wish, value: "b", over: ["a"] });
  expect(ledger.faultsIn(inTheEnd("a", ["a", "b"]))).toEqual([]);
  expect(ledger.faultsIn(inTheEnd("a"))).toHaveLength(2);
});

test("a value that was chosen again is replaced by whoever saw it as often as it was wanted", () => {
  const ledger = new Ledger();
  ledger.wanted({ ...wish, value: "a", over: [] });
  ledger.wanted({ ...wish, value: "a", over: ["b"], isChoice: true });
  ledger.wanted({ ...wish, value: "c", over: ["a"] });
  expect(ledger.faultsIn(inTheEnd("c"))).toHaveLength(1);
  ledger.wanted({ ...wish, value: "c", over: ["a", "a", "b"], isChoice: true });
  expect(ledger.faultsIn(inTheEnd("c"))).toEqual([]);
});

test("a host that was registered under a name without an answer may be called so", () => {
  const ledger = new Ledger();
  ledger.wanted({ ...wish, resource: "host-000000ff", value: "a", over: [] });
  const ids = { "host-000000ff": HOST };
  expect(ledger.faultsIn(inTheEnd("b", ["a"], ids))).toHaveLength(1);
  ledger.unheard("b");
  expect(ledger.faultsIn(inTheEnd("b", ["a"], ids))).toEqual([]);
});

test("a choice that nobody heard the answer of may stand in the place of what was chosen among, or not", () => {
  const ledger = new Ledger();
  ledger.wanted({ ...wish, value: "a", over: [] });
  ledger.wanted({ ...wish, value: "b", over: ["a"] });
  ledger.wanted({ ...wish, value: "a", over: ["b"], acknowledged: false, isChoice: true });
  expect(ledger.faultsIn(inTheEnd("a"))).toEqual([]);
  expect(ledger.faultsIn(inTheEnd("b"))).toEqual([]);
});

test("what was written over by somebody who was shown something else is owed to its author, unless it may have come there since that look", () => {
  const written = (by: { asked: number; isBlind: boolean }) => {
    const ledger = new Ledger();
    ledger.found(HOST, "name", "a");
    ledger.wanted({ ...wish, value: "b", over: ["a"] });
    ledger.wanted({ ...wish, ...by, value: "c", over: ["a"] });
    return ledger;
  };
  expect(written({ asked: 1, isBlind: false }).faultsIn(inTheEnd("c"))).toHaveLength(1);
  expect(written({ asked: 0, isBlind: true }).faultsIn(inTheEnd("c"))).toEqual([]);
  const later = written({ asked: 0, isBlind: true });
  later.wanted({ ...wish, asked: later.count, value: "d", over: ["a"] });
  expect(later.faultsIn(inTheEnd("c"))).toHaveLength(1);
});

test("what nobody holds after a disaster is lost, unless somebody put in its place what is held", () => {
  const after = (held: readonly string[]) => {
    const ledger = new Ledger();
    ledger.wanted({ ...wish, value: "a", over: [] });
    ledger.wanted({ ...wish, value: "b", over: ["a"], isChoice: true });
    ledger.wanted({ ...wish, value: "c", over: ["b"] });
    ledger.forgetUnless((value) => held.includes(value));
    return (...told: string[]) => ledger.forgotten((value) => told.includes(value));
  };
  expect(after(["a", "c"])("c")).toEqual([]);
  expect(after(["a"])()).toHaveLength(1);
  expect(after([])()).toEqual([]);
});
