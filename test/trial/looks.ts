import assert from "node:assert/strict";
import { minutes, seconds } from "@holdfast/runtime";
import { simulation } from "../simulation/simulation.ts";
import type { Machine } from "../world/machine.ts";
import type { WorldSite } from "../world/site.ts";
import { HOSTS, PROJECT, type Trial } from "./trial.ts";

/** After this long everybody must have noticed that somebody is not there, milliseconds. */
const NOTICED_WITHIN = minutes(1);
/** The hub may be down, or its disk full, when the time of a command has passed, milliseconds. */
const ENDED_WITHIN = minutes(5);
/** A site-node that has just started gives its machines so long to come back. */
const GRACE = minutes(6);

/** What is judged while things happen: who is not there is not shown as if they were, and who is held is left alone. */
export class Looks {
  readonly #trial: Trial;
  /** Since when something is so without a break, by what it is. */
  readonly #since = new Map<unknown, Map<string, number>>();
  readonly #switchedBefore = new Map<Machine, number>();
  /** Commands that were seen to be under way or over when their time had passed. */
  readonly #begunOrOver = new Set<string>();

  constructor(trial: Trial) {
    this.#trial = trial;
  }

  /** Notes how things stand; to be asked after each of them. */
  note(): void {
    for (const site of this.#trial.sites) {
      this.#note(site, "cut", site.wan.isCut);
      this.#note(site.program, "runs", site.isRunning);
      this.#note(site, "held", this.#trial.held.has(site.name));
    }
    for (const machine of this.#trial.machines) this.#note(machine.program, "unheard", !machine.isHeard);
    this.#note(this.#trial.world.hub.program, "runs", this.#trial.world.hub.isRunning);
  }

  /** Looks at what is shown. Throws an AssertionError in words when it is not as it must be. */
  async look(): Promise<void> {
    const { machines, sites, anySiteRolledBack } = this.#trial;
    for (const machine of machines) {
      if (machine.known === undefined) continue;
      await this.#isUnknownAtHub(machine);
      await this.#isNotRunningAtSite(machine);
    }
    await this.#isNotPending();
    for (const site of sites) await this.#opensToNobodyForEver(site);
    await this.#isThereUntilLetGo();
    const [site] = sites;
    if (sites.length === 1 && site && !anySiteRolledBack) await this.#isLeftAlone(site);
  }

  async #isUnknownAtHub({ known }: Machine): Promise<void> {
    const { hub } = this.#trial.world;
    const { siteId, hostStatus } = (await this.#shown(hub, known)) ?? {};
    const site = this.#trial.sites.find(({ id }) => id === siteId);
    if (!site || this.#lasted(site, "cut") < NOTICED_WITHIN || this.#trial.sites.length > 1) return;
    assert.doesNotMatch(hostStatus, /^Running/, `${site.name} is cut off, and ${known} is shown as ${hostStatus}`);
  }

  async #isNotRunningAtSite(machine: Machine): Promise<void> {
    const { site, known } = machine;
    if (this.#lasted(machine.program, "unheard") < NOTICED_WITHIN || this.#lasted(site.program, "runs") < GRACE) return;
    const { siteId, hostStatus } = (await this.#shown(site, known)) ?? {};
    if (siteId !== site.id) return;
    assert.doesNotMatch(hostStatus, /^Running/, `${known} is not heard, and ${site.name} shows it as ${hostStatus}`);
  }

  /** What nobody began in time is not shown as if somebody would, whether its site is heard or not. */
  async #isNotPending(): Promise<void> {
    const { world, ordered, anyDisaster, areClocksWrong } = this.#trial;
    if (anyDisaster || areClocksWrong || this.#lasted(world.hub.program, "runs") < NOTICED_WITHIN) return;
    for (const { id, host, until } of ordered) {
      if (this.#begunOrOver.has(id) || simulation().time.now() < until + ENDED_WITHIN) continue;
      const answer = await this.#trial.ask(world.hub, "GET", `${HOSTS}/${host}/commands/${id}`);
      if (answer === undefined) return;
      assert.notEqual(answer.body.status, "pending", `${id} is pending at the hub after its time`);
      this.#begunOrOver.add(id);
    }
  }

  /** No machine is switched whose site knows that it is held: one that was cut off when the hub was restored does not. */
  async #isLeftAlone(site: WorldSite): Promise<void> {
    const isHeld = this.#lasted(site, "held") > 0 && (await this.#knowsItsHold(site));
    for (const machine of this.#trial.machines) {
      const before = this.#switchedBefore.get(machine);
      this.#switchedBefore.delete(machine);
      if (this.#lasted(site, "held") <= 0) continue;
      const now = machine.switched.length;
      assert.equal(now, before ?? now, `${machine.known} was switched while ${site.name} is held`);
      if (isHeld || before !== undefined) this.#switchedBefore.set(machine, now);
    }
  }

  /** Without the hub a token opens a site for so long and no longer. */
  async #opensToNobodyForEver(site: WorldSite): Promise<void> {
    if (this.#trial.areClocksWrong || !site.isRunning) return;
    const cutFor = this.#lasted(site, "cut");
    for (const { id, token, offlineSeconds } of this.#trial.colleagues) {
      if (cutFor < seconds(offlineSeconds) + NOTICED_WITHIN) continue;
      const answer = await this.#trial.ask(site, "GET", HOSTS, undefined, { token });
      assert.notEqual(
        answer?.status,
        200,
        `${id} opens ${site.name}, which has not heard its hub for ${Math.round(cutFor)} ms`,
      );
    }
  }

  /** What a site manages is not gone while the site is cut off and cannot have let go (rule 15). */
  async #isThereUntilLetGo(): Promise<void> {
    const { world, sites, lettingGo, anyDisaster } = this.#trial;
    const [site] = sites;
    // A host that was moved may belong to another site than the one it is wanted at.
    if (anyDisaster || !site || sites.length > 1) return;
    const cutFor = this.#lasted(site, "cut");
    for (const { host, at } of lettingGo) {
      if (simulation().time.monotonic() - at >= cutFor) continue;
      const answer = await this.#trial.ask(world.hub, "GET", `${HOSTS}/${host}`);
      assert.notEqual(answer?.status, 404, `${host} is gone, and ${site.name}, which manages it, is cut off`);
    }
  }

  async #knowsItsHold(site: WorldSite): Promise<boolean> {
    if (!site.isRunning) return false;
    const answer = await this.#trial.ask(site, "GET", `${PROJECT}/holds`);
    return (answer?.body?.holds ?? []).length > 0;
  }

  async #shown(at: Trial["world"]["hub"] | WorldSite, host: string | undefined) {
    if (!at.isRunning) return undefined;
    const answer = await this.#trial.ask(at, "GET", `${HOSTS}/${host}`);
    return answer?.status === 200 ? answer.body : undefined;
  }

  #note(whose: object, what: string, is: boolean): void {
    const since = this.#since.get(whose) ?? new Map<string, number>();
    this.#since.set(whose, since);
    if (!is) since.delete(what);
    else if (!since.has(what)) since.set(what, simulation().time.monotonic());
  }

  #lasted(whose: object, what: string): number {
    const since = this.#since.get(whose)?.get(what);
    return since === undefined ? 0 : simulation().time.monotonic() - since;
  }
}
