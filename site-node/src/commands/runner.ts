import type { Store, Transaction, View } from "@holdfast/inventory";
import { COMMANDS } from "@holdfast/protocol/feed";
import { Host } from "@holdfast/protocol/kinds/host";
import type { Resource } from "@holdfast/protocol/kinds/kind";
import type { CommandEntry } from "@holdfast/protocol/uplink";
import { type Clock, hours, type Log, messageOf, minutes, seconds } from "@holdfast/runtime";
import { readSetting } from "../database/settings.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { MachineControl, Ordered } from "../power/control.ts";
import { mannerOf } from "../power/plan.ts";
import { holdOf } from "../replica/in-place.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { mayActuate } from "../replica/phase.ts";
import {
  endCutOff,
  forgetOld,
  isAnythingKnown,
  noteStatus,
  type OpenCommand,
  openCommands,
  tellAgain,
} from "./journal.ts";
import { type CommandVerdict, judgeCommand } from "./judge.ts";
import { isCrossed, noteActBegun } from "./local-acts.ts";

export interface CommandsOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly control: Pick<MachineControl, "perform">;
  readonly isReachable: (host: string) => boolean;
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  readonly clock: Clock;
  /** Milliseconds since the epoch, never before what was shown before: a clock set back makes nothing valid again. */
  readonly flooredNow: () => number;
  readonly log: Log;
}

export interface CommandRunner {
  /** Looks now instead of in a second. */
  wake(): void;
  close(): Promise<void>;
}

/** While a command waits: its time runs out, and its machine comes back, without a word. */
const LOOK_EVERY = seconds(1);
/** While none does: whoever brings one wakes the runner. */
const LOOK_IDLY_EVERY = minutes(1);
const FORGET_EVERY = hours(1);
const NOTE_AGAIN = seconds(5);

/** Carries out commands, each once at most, one at a time on each machine (rules 17, 21). */
export async function startCommands(options: CommandsOptions): Promise<CommandRunner> {
  const { store, outbox, clock, log } = options;
  // Before anything else is begun: a row that says `started` is of an earlier process.
  const cutOff = await store.write((transaction) => endCutOff(transaction, outbox, clock.now()));
  for (const { id, host } of cutOff) log.warn({ command: id, host }, "nobody knows whether a command was carried out");
  const runner = new Runner(options);
  return { wake: () => runner.wake(), close: () => runner.close() };
}

interface Begun {
  readonly command: OpenCommand;
  readonly manner: ReturnType<typeof mannerOf>;
}

class Runner {
  readonly #options: CommandsOptions;
  readonly #stopped = new AbortController();
  readonly #busy = new Map<string, Promise<void>>();
  readonly #running: Promise<void>;
  #wake = () => {};
  #isWoken = false;
  #forgotAt = Number.NEGATIVE_INFINITY;

  constructor(options: CommandsOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  async close(): Promise<void> {
    this.#stopped.abort(new Error("stopped"));
    this.wake();
    await this.#running;
    // What is under way stays `started`, and so becomes `unknown` at the next start, unless it ends right now.
    await Promise.all(this.#busy.values());
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.#isWoken = false;
      const isIdle = await this.#look().catch((error) => {
        this.#options.log.warn({ error: messageOf(error) }, "looking for commands failed, will look again");
        return false;
      });
      await this.#pause(isIdle ? LOOK_IDLY_EVERY : LOOK_EVERY);
    }
  }

  async #pause(longest: number): Promise<void> {
    if (this.#isWoken) return;
    const over = new AbortController();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#options.clock.sleep(longest, over.signal).then(resolve, resolve);
    });
    over.abort(new Error("over"));
  }

  /** Whether there was nothing to look at. */
  async #look(): Promise<boolean> {
    const { store, replicaOf } = this.#options;
    const of = await replicaOf();
    if (!of) return false;
    await this.#forget();
    if (!(await store.read(isAnythingKnown))) return true;
    for (const each of await store.write((transaction) => this.#begin(transaction, of))) {
      const { host } = each.command;
      const done = this.#carryOut(each).finally(() => {
        this.#busy.delete(host);
        this.wake();
      });
      this.#busy.set(host, done);
    }
    return false;
  }

  /** Ends what may not be begun, and journals what is: durable, before any of it is done. */
  async #begin(transaction: Transaction, of: ReplicaOf): Promise<readonly Begun[]> {
    const { outbox, clock } = this.#options;
    if (this.#stopped.signal.aborted || !(await mayActuate(transaction))) return [];
    await tellAgain(transaction, outbox);
    const begun: Begun[] = [];
    const busy = new Set(this.#busy.keys());
    for (const command of await openCommands(transaction)) {
      const { verdict, manner } = await judge(transaction, this.#options, { of, command });
      const at = clock.now();
      if (verdict.is === "end") {
        const { status, reason } = verdict;
        await noteStatus(transaction, outbox, { command, status, reason, at });
      } else if (verdict.is === "begin" && !busy.has(command.host)) {
        busy.add(command.host);
        await noteStatus(transaction, outbox, { command, status: "started", reason: undefined, at });
        if (command.seq === undefined) await noteActBegun(transaction, command.host, command.id);
        begun.push({ command, manner });
      }
    }
    return begun;
  }

  async #carryOut({ command, manner }: Begun): Promise<void> {
    const { control, log } = this.#options;
    const { id, host, command: name, notAfter } = command;
    if (this.#stopped.signal.aborted) return;
    log.warn({ command: id, host, name }, "carrying out a command");
    let ordered: Ordered;
    try {
      ordered = await control.perform(host, name, { id, notAfter, manner }, this.#stopped.signal);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      ordered = { is: "failed", reason: messageOf(error) };
    }
    // Of what only looks, no answer is as good as a failure.
    const status = ordered.is === "unknown" && !COMMANDS[name].disruptive ? "failed" : ordered.is;
    log.info({ command: id, host, name, status, reason: ordered.reason }, "a command has ended");
    await this.#noteEnd(command, status, ordered.reason);
  }

  async #noteEnd(command: OpenCommand, status: CommandEntry["status"], reason: string | undefined): Promise<void> {
    const { store, outbox, clock, log } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        const change = { command, status, reason, at: clock.now() };
        return await store.write((transaction) => noteStatus(transaction, outbox, change));
      } catch (error) {
        log.error({ command: command.id, error: messageOf(error) }, "a command's end cannot be noted, will try again");
        await clock.sleep(NOTE_AGAIN, this.#stopped.signal).catch(() => undefined);
      }
    }
  }

  async #forget(): Promise<void> {
    const { store, clock, flooredNow } = this.#options;
    if (clock.monotonic() - this.#forgotAt < FORGET_EVERY) return;
    await store.write((transaction) => forgetOld(transaction, flooredNow()));
    this.#forgotAt = clock.monotonic();
  }
}

/** What decides about a command, read together. */
export async function judge(
  view: View,
  { isReachable, flooredNow }: Pick<CommandsOptions, "isReachable" | "flooredNow">,
  { of, command }: { of: ReplicaOf; command: OpenCommand },
): Promise<{ readonly verdict: CommandVerdict; readonly manner: Begun["manner"] }> {
  const host = await view.get(Host, of.tenant, command.host);
  const verdict = judgeCommand({
    notAfter: command.notAfter,
    now: flooredNow(),
    incarnation: command.incarnation,
    ownIncarnation: (await readSetting(view, "incarnation")) ?? 0,
    unmanaged: whyUnmanaged(host, of.site),
    crossed: command.seq !== undefined && (await isCrossed(view, command.host, command.seq)),
    held: COMMANDS[command.command].disruptive && (await holdOf(view, of.site)) !== undefined,
    reachable: isReachable(command.host),
  });
  return { verdict, manner: mannerOf(host?.fields.powerCommandPolicy) };
}

/** Why this site may do nothing to a host, in words for people; undefined when it may. */
export function whyUnmanaged(host: Resource<typeof Host> | undefined, site: string): string | undefined {
  if (!host || host.owner !== site) return "this site does not manage the host";
  if (host.fields.siteId !== site) return "the host is leaving this site";
  if (host.fields.desiredState === "HOST_STATE_DELETED") return "the host is being deleted";
  return host.fields.desiredState === "HOST_STATE_UNTRUSTED" ? "the host is not trusted any more" : undefined;
}
