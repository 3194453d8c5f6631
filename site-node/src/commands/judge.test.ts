import { expect, test } from "vitest";
import { type CommandSituation, judgeCommand } from "./judge.ts";

const judge = (more: Partial<CommandSituation> = {}) =>
  judgeCommand({
    ...{ notAfter: 100, now: 50, incarnation: 7, ownIncarnation: 7, unmanaged: undefined },
    ...{ crossed: false, held: false, reachable: true, ...more },
  });
const ends = (status: string, reason: RegExp) => ({ is: "end", status, reason: expect.stringMatching(reason) });

test.each<[string, Partial<CommandSituation>, unknown]>([
  ["all is well", {}, { is: "begin" }],
  ["the last millisecond", { now: 100 }, { is: "begin" }],
  ["its time has passed", { now: 101 }, ends("expired", /time had passed/)],
  ["its time has passed, whatever else", { now: 101, unmanaged: "gone", crossed: true }, ends("expired", /time/)],
  ["an earlier life of the site", { incarnation: 6 }, ends("refused", /earlier life/)],
  ["a life of the site that is yet to come", { incarnation: 8 }, ends("refused", /earlier life/)],
  ["not this site's host", { unmanaged: "this site does not manage the host" }, ends("refused", /does not manage/)],
  ["crossed by something done here", { crossed: true }, ends("refused", /not known when this was given/)],
  ["held", { held: true }, { is: "wait", held: true, reason: expect.stringMatching(/releases/) }],
  ["crossed while held: it ends", { held: true, crossed: true }, ends("refused", /not known/)],
  ["nobody there", { reachable: false }, { is: "wait", held: false, reason: "its agent is not connected" }],
])("%s (rule 17)", (_what, situation, verdict) => {
  expect(judge(situation)).toEqual(verdict);
});
