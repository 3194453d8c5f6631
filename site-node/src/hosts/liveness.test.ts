import { expect, test } from "vitest";
import { graceAfter, type Liveness, type LivenessEvent, SILENCE, step, WILL_STANDS } from "./liveness.ts";

const AT = 1_000;
const unheard: Liveness = { phase: "unheard" };
const online = (session = "a", deadline = 100): Liveness => ({ phase: "online", session, deadline });
const leaving: Liveness = { phase: "leaving", session: "a", deadline: 100 };
const offline: Liveness = { phase: "offline", session: "a" };
const lost: Liveness = { phase: "lost", session: "a" };
const says = (type: "online" | "goodbye" | "heartbeat" | "will", session = "a"): LivenessEvent => ({
  type,
  session,
  at: AT,
});
const fresh = (session = "a") => online(session, AT + SILENCE);
const tick = (at: number): LivenessEvent => ({ type: "tick", at });

test.each<[string, Liveness, LivenessEvent, Liveness | undefined]>([
  ["a first word", unheard, says("online"), fresh()],
  ["a new session", online(), says("online", "b"), fresh("b")],
  ["back before the will stood", leaving, says("online", "b"), fresh("b")],
  ["back from lost", lost, says("online", "b"), fresh("b")],
  ["back from offline", offline, says("online", "b"), fresh("b")],
  ["a heartbeat", online(), says("heartbeat"), fresh()],
  ["a heartbeat of an older session", online(), says("heartbeat", "z"), undefined],
  ["a heartbeat after the will", leaving, says("heartbeat"), fresh()],
  ["a heartbeat of who was lost", lost, says("heartbeat"), fresh()],
  ["a heartbeat that was under way at the goodbye", offline, says("heartbeat"), undefined],
  ["a heartbeat before any word", unheard, says("heartbeat"), fresh()],
  ["a will", online(), says("will"), { phase: "leaving", session: "a", deadline: AT + WILL_STANDS }],
  ["a will of an older session", online("b"), says("will", "a"), undefined],
  ["a will twice", leaving, says("will"), undefined],
  ["a will after the goodbye", offline, says("will"), undefined],
  ["a will before any word", unheard, says("will"), undefined],
  ["a goodbye", online(), says("goodbye"), offline],
  ["a goodbye of an older session", online("b"), says("goodbye", "a"), undefined],
  ["a deadline not reached", online(), tick(99), undefined],
  ["silence", online(), tick(100), lost],
  ["a will that stood", leaving, tick(100), lost],
  ["time passing over who is gone", offline, tick(1e9), undefined],
  ["a restart", online(), { type: "restarted", at: AT, grace: 50 }, online("a", AT + 50)],
  ["a restart while a will stood", leaving, { type: "restarted", at: AT, grace: 50 }, online("a", AT + 50)],
  ["a restart over who was lost", lost, { type: "restarted", at: AT, grace: 50 }, undefined],
])("%s", (_what, before, event, after) => {
  expect(step(before, event)).toEqual(after);
});

test("after a restart machines get as long as the site-node was away, bounded, whatever the clock did", () => {
  expect(graceAfter(0)).toBe(SILENCE);
  expect(graceAfter(60_000)).toBe(SILENCE + 60_000);
  expect(graceAfter(1e12)).toBe(SILENCE + 300_000);
  expect(graceAfter(-1e12)).toBe(SILENCE);
});
