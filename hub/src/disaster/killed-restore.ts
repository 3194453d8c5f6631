import { systemClock } from "@holdfast/runtime";
import { restore } from "./restore.ts";

/** Run by the test of broken-off restores, as a process of its own that ends hard before a step. */
const [home, file, last] = process.argv.slice(2);
if (home === undefined || file === undefined || last === undefined)
  throw new Error("which home, which file, until when?");
await restore({
  ...{ home, file, force: false, clock: systemClock },
  onStep: (step) => {
    if (step === last) process.kill(process.pid, "SIGKILL");
  },
});
