import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { minutes } from "@holdfast/runtime";
import type { Asked, Outcome } from "./child.ts";

/** No history takes longer, however slow the machine; one that does hangs. */
const LONGEST = minutes(10);
/** A process is not kept for longer, so that what it keeps does not add up. */
const MOST_HISTORIES = 8;

/** Plays histories in a process of its own, which may die or hang. */
export class Player {
  #child: ChildProcess | undefined;
  #played = 0;

  async play(asked: Asked): Promise<Outcome> {
    if (this.#played >= MOST_HISTORIES) this.close();
    const child = await this.#started();
    child.send(asked);
    const done = new AbortController();
    const options = { signal: AbortSignal.any([done.signal, AbortSignal.timeout(LONGEST)]) };
    const died = once(child, "exit", { signal: done.signal }).then(([code, signal]) => {
      this.#child = undefined;
      return { failed: `its process ended with ${signal ?? code}` };
    });
    try {
      const answered = once(child, "message", options).then(([outcome]) => outcome as Outcome);
      const outcome = await Promise.race([answered, died]);
      if (!("lacks" in outcome)) this.#played += 1;
      return outcome;
    } catch {
      this.close();
      return { failed: `it was not through after ${LONGEST / 60_000} minutes` };
    } finally {
      died.catch(() => undefined);
      done.abort();
    }
  }

  close(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
    this.#played = 0;
  }

  async #started(): Promise<ChildProcess> {
    if (this.#child?.connected) return this.#child;
    const child = fork(new URL("child.ts", import.meta.url), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child = child;
    await once(child, "message");
    return child;
  }
}
