import { expect, test } from "vitest";
import { type BatchPlace, type KnownStream, placeBatch } from "./sequence.ts";

const known: KnownStream = { epoch: "e1", incarnation: 7, cursor: 10, lastHash: "h10" };
const next: BatchPlace = { stream: { epoch: "e1", incarnation: 7 }, first: 11, previous: "h10", hash: "h12" };

const place = (batch: Partial<BatchPlace>, of: KnownStream | undefined = known) =>
  placeBatch({ ...next, ...batch }, "e1", of);

test("the batch after the last is next", () => {
  expect(place({})).toEqual({ place: "next", begins: false });
});

test("the last batch again is a repeat", () => {
  expect(place({ first: 8, previous: "h7", hash: "h10" })).toEqual({ place: "repeat" });
});

test("the same numbers with other content are a fork", () => {
  expect(place({ first: 8, previous: "h7", hash: "other" })).toMatchObject({ reason: "forked", expected: 11 });
});

test("a batch that reaches over the cursor with other content is a fork", () => {
  expect(place({ first: 10, hash: "other" })).toMatchObject({ reason: "forked" });
});

test("a batch that follows another than the last is a fork", () => {
  expect(place({ previous: "other" })).toMatchObject({ reason: "forked", expected: 11 });
});

test("a batch after missing ones is a gap, and the refusal names epoch and number expected", () => {
  expect(place({ first: 12 })).toMatchObject({ reason: "gap", epoch: "e1", expected: 11 });
});

test("a batch of another epoch is refused", () => {
  expect(place({ stream: { epoch: "e0", incarnation: 7 } })).toMatchObject({ reason: "epoch", epoch: "e1" });
});

test("an incarnation that is over is refused, in a later epoch too", () => {
  expect(place({ stream: { epoch: "e1", incarnation: 6 } })).toMatchObject({ reason: "incarnation", incarnation: 7 });
  const restored = { ...known, epoch: "e0" };
  expect(place({ stream: { epoch: "e1", incarnation: 6 } }, restored)).toMatchObject({ reason: "incarnation" });
});

test("a greater incarnation begins a new stream at 1", () => {
  const stream = { epoch: "e1", incarnation: 8 };
  expect(place({ stream, first: 1, previous: "" })).toEqual({ place: "next", begins: true });
  expect(place({ stream, first: 11, previous: "" })).toMatchObject({ reason: "gap", expected: 1 });
  expect(place({ stream, first: 1, previous: "h10" })).toMatchObject({ reason: "forked", expected: 1 });
});

test("the same incarnation begins a new stream in a new epoch", () => {
  expect(place({ first: 1, previous: "" }, { ...known, epoch: "e0" })).toEqual({ place: "next", begins: true });
  expect(place({}, { ...known, epoch: "e0" })).toMatchObject({ reason: "gap", expected: 1 });
});
