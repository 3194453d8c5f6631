// One target, fed in a process of its own: whatever it does to itself, somebody is left to tell of it.
import { openSync, writeSync } from "node:fs";
import { feed, sentenceOf } from "./feeding.ts";
import { type Order, type Said, type Step, writeStep } from "./order.ts";
import { targetIn } from "./targets.ts";

async function work(order: Order): Promise<void> {
  const file = openSync(order.progress, "r+");
  let last: Step = { is: "opening" };
  const at = (step: Step): void => {
    last = step;
    writeSync(file, writeStep(step), 0, 8, 0);
  };
  // Nobody waits for these, and a program would end by them.
  const failed = (kind: string) => (error: unknown) => {
    say({ is: "failed", at: last, why: `${kind}: ${sentenceOf(error)}` });
  };
  process.on("uncaughtException", failed("an exception that nothing caught"));
  process.on("unhandledRejection", failed("a rejection that nothing handled"));
  const target = await targetIn(order.module, order.target);
  say(await feed({ order, target, at }));
}

function say(said: Said): void {
  // Whatever still goes on in here has no more to say.
  process.send?.(said, undefined, {}, () => process.kill(process.pid, "SIGKILL"));
}

// An input that waits for nothing at all is one that is never answered, and no reason to end.
setInterval(() => undefined, 2 ** 30);

process.once("message", (order: Order) => {
  work(order).catch((error: unknown) => say({ is: "failed", at: { is: "opening" }, why: sentenceOf(error) }));
});
