import assert from "node:assert/strict";
import { eventually } from "../world/eventually.ts";
import { HOSTS, type Trial } from "./trial.ts";

/** Hub and sites let in whom the hub lets in, and nobody who is gone. */
export async function whoIsGoneIsLetInNoMore(trial: Trial): Promise<void> {
  const { world, sites, colleagues, anyDisaster } = trial;
  // After a disaster a site's word on a token waits for somebody's.
  if (anyDisaster) return;
  await eventually(async () => {
    for (const { id, token, isGone } of colleagues) {
      if (isGone === undefined) continue;
      for (const at of [world.hub, ...sites]) {
        const status = (await trial.ask(at, "GET", HOSTS, undefined, { token }))?.status;
        assert.equal(
          status,
          isGone ? 401 : 200,
          `${id} at ${at.program.name}, whose holder is ${isGone ? "gone" : "there"}`,
        );
      }
    }
  });
}
