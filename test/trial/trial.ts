import assert from "node:assert/strict";
import { Killed } from "../simulation/program.ts";
import { simulation } from "../simulation/simulation.ts";
import type { Snapshot, WorldHub } from "../world/hub.ts";
import type { Machine } from "../world/machine.ts";
import type { Answer, Json } from "../world/request.ts";
import type { WorldSite } from "../world/site.ts";
import type { World } from "../world/world.ts";
import type { Colleague } from "./colleagues.ts";
import { Deaths } from "./deaths.ts";
import { everythingIn } from "./everything.ts";
import { Ledger } from "./ledger.ts";
import { type As, Operators, type Party } from "./operators.ts";

export const PROJECT = "/v1/projects/default";
export const HOSTS = `${PROJECT}/compute/hosts`;
export const INSTANCES = `${PROJECT}/compute/instances`;

/** A command that somebody gave, and was told that it is taken. */
export interface Ordered {
  readonly id: string;
  readonly host: string;
  readonly command: string;
  /** The world's time until which it is good. */
  readonly until: number;
}

/** An order to reset a machine that may have been taken: the world's time from which and until which it is good. */
export interface Reset {
  readonly host: string;
  readonly from: number;
  readonly until: number;
}

/** A host that its site has to let go, and when somebody was told so, by the world's monotonic clock. */
export interface LettingGo {
  readonly host: string;
  readonly at: number;
}

/** A host as somebody was shown it, and the tag of that state. */
export interface Seen {
  readonly host: Json;
  readonly tag: string;
}

/** A value for a field, in the place of what is shown there. */
interface Over {
  readonly field: WrittenField;
  readonly value: string;
  readonly shown: Seen;
  readonly by: Colleague | undefined;
}

/** What was done to a world, for its counts. */
export interface Counts {
  faults: number;
  readonly killedAt: Set<string>;
}

/** A world in which things happen, what people wanted of it, and what has been done to it. */
export class Trial {
  readonly world: World;
  readonly machines: readonly Machine[];
  readonly sites: readonly WorldSite[];
  readonly os: string;
  readonly operators: Operators;
  readonly ledger = new Ledger();
  readonly counts: Counts = { faults: 0, killedAt: new Set() };
  readonly deaths = new Deaths((where) => {
    this.counts.faults += 1;
    this.counts.killedAt.add(where);
  });
  readonly ordered: Ordered[] = [];
  readonly registered: string[] = [];
  readonly colleagues: Colleague[] = [];
  /** What a site managed when somebody was told that it will be no more. */
  readonly lettingGo: LettingGo[] = [];
  readonly resetsAsked: Reset[] = [];
  /** Sites that must be held, unless somebody has released them since. */
  readonly held = new Set<string>();
  hubBefore: Snapshot | undefined;
  readonly siteBefore = new Map<string, Snapshot>();
  backup: string | undefined;
  /** When a command is over is told by a clock. */
  areClocksWrong = false;
  /** Nobody can keep a site that was put back from doing once more what it does not know it did. */
  anySiteRolledBack = false;
  #disasters = 0;
  #count = 0;

  constructor(parts: { world: World; machines: readonly Machine[]; sites: readonly WorldSite[]; os: string }) {
    ({ world: this.world, machines: this.machines, sites: this.sites, os: this.os } = parts);
    this.operators = new Operators(this.world.hub.token);
  }

  /** After one, what only one party knew may be lost, and what it knew before may be said again. */
  get anyDisaster(): boolean {
    return this.#disasters > 0;
  }

  /** Begins to ask for something; what is returned tells whether the one who answered cannot have lost it before that was heard. */
  #asks(): (answer: Answer<Json> | undefined) => boolean {
    const disasters = this.#disasters;
    return (answer) => answer !== undefined && disasters === this.#disasters;
  }

  next(): number {
    this.#count += 1;
    return this.#count;
  }

  ask(at: Party, method: string, path: string, body?: unknown, as?: As): Promise<Answer<Json> | undefined> {
    return this.operators.ask(at, method, path, body, as);
  }

  /**
   * Sets a field to a value that nobody wanted before, and remembers what came of it. Its author, a colleague or whoever is
   * always there, looks at the host first, unless they have `seen` it already; resolves to what they are shown of it after, if
   * anything.
   */
  async write(
    at: Party,
    resource: string | undefined,
    field: WrittenField,
    { seen, by }: { seen?: Seen | undefined; by?: Colleague } = {},
  ): Promise<Seen | undefined> {
    if (resource === undefined) return undefined;
    const value = `w${this.next()}x`;
    let shown = seen ?? (await this.#shown(at, resource));
    for (let looks = 1; shown; looks += 1) {
      const written = await this.#writeOver(at, resource, { field, value, shown, by });
      if (written !== "made of another state") return written;
      // They insist for a while: a script at the other end may change it as often as they look.
      shown = looks < LOOKS ? await this.#shown(at, resource) : undefined;
    }
    return undefined;
  }

  async #writeOver(
    at: Party,
    resource: string,
    { field, value, shown: { host, tag }, by }: Over,
  ): Promise<Seen | "made of another state" | undefined> {
    const before = FIELDS[field].read(host);
    this.ledger.found(host.resourceId, field, before);
    const asked = this.ledger.count;
    const isTaken = this.#asks();
    const mayWrite = by?.isGone !== true;
    const atHub = at === this.world.hub;
    const isFrozen = atHub && this.ledger.deletedOnes.has(resource) && !this.anyDisaster;
    // At the hub the generation tells who wrote blindly; at a site one number may mean two states.
    const as: As = { token: by?.token, headers: atHub ? {} : { "if-match": tag } };
    const answer = await this.ask(at, "PATCH", `${HOSTS}/${resource}`, FIELDS[field].body(value), as);
    if (answer?.status === 412) return "made of another state";
    if (answer && answer.status !== 200) return undefined;
    assert.ok(!answer || !isFrozen, `${resource} was deleted, and was changed at the hub after that`);
    // Of a host that was registered on both sides one id survives, and whoever asks for the other one is told of that (rule 5).
    const meant = answer?.body.resourceId ?? host.resourceId;
    const acknowledged = isTaken(answer);
    const isBlind = atHub && answer?.body.generation !== host.generation + 1;
    // A site may not know yet that somebody is gone, and the hub does (rule 6): then nobody wanted it.
    if (mayWrite) this.ledger.wanted({ resource: meant, field, value, over: [before], asked, isBlind, acknowledged });
    return answer && seenIn(answer);
  }

  async #shown(at: Party, resource: string): Promise<Seen | undefined> {
    const shown = await this.ask(at, "GET", `${HOSTS}/${resource}`);
    return shown?.status === 200 ? seenIn(shown) : undefined;
  }

  /** Chooses one of the values of an open conflict. */
  async choose(at: Party, which: number): Promise<void> {
    const open = await this.ask(at, "GET", `${PROJECT}/conflicts`);
    const conflict = open?.body?.conflicts?.[which % Math.max(1, open.body.conflicts.length)];
    if (!conflict) return;
    const chosen = conflict.values[which % conflict.values.length];
    const saw = conflict.values.map(({ write }: Json) => write);
    const path = `${PROJECT}/conflicts/${conflict.id}/resolve`;
    const asked = this.ledger.count;
    const isTaken = this.#asks();
    const answer = await this.ask(at, "POST", path, { choose: chosen.write, saw });
    if (answer && answer.status !== 200) return;
    const values: string[] = conflict.values.map(({ value }: Json) => ownValue(value));
    const field = fieldNamed(conflict.field);
    if (!field) return;
    const over = values.filter((value) => value !== ownValue(chosen.value));
    const wish = { resource: conflict.resourceId, field, value: ownValue(chosen.value), over, asked };
    this.ledger.wanted({ ...wish, acknowledged: isTaken(answer), isChoice: true });
  }

  /** Registers a host with each of them, one after the other, by the same serial number. */
  async register(parties: readonly Party[], serialNumber: string): Promise<void> {
    for (const at of parties) {
      const value = `w${this.next()}x`;
      const asked = this.ledger.count;
      const isTaken = this.#asks();
      const answer = await this.ask(at, "POST", `${HOSTS}/register`, { name: value, serialNumber });
      if (answer === undefined) this.ledger.unheard(value);
      if (answer?.status !== 200) continue;
      const resource = answer.body.resourceId;
      this.registered.push(resource);
      // One that is known by that serial number already keeps its name.
      if (answer.body.name === value) {
        this.ledger.wanted({ resource, field: "name", value, over: [], asked, acknowledged: isTaken(answer) });
      }
    }
  }

  registeredOne(which: number): string | undefined {
    return this.registered[which % Math.max(1, this.registered.length)];
  }

  async delete(resource: string | undefined): Promise<void> {
    if (resource === undefined) return;
    const isManaged = Boolean((await this.#shown(this.world.hub, resource))?.host.siteId);
    const answer = await this.ask(this.world.hub, "DELETE", `${HOSTS}/${resource}`);
    if (!answer || answer.status >= 300) return;
    this.ledger.deleted(resource);
    if (isManaged) this.lettingGo.push({ host: resource, at: simulation().time.monotonic() });
  }

  async command(at: Party, machine: Machine, which: number): Promise<void> {
    const host = machine.known;
    if (!host) return;
    const command = which % 2 === 0 ? "identify" : "reset";
    const validSeconds = VALID_SECONDS[which % VALID_SECONDS.length] ?? 600;
    const { time } = simulation();
    const from = time.now();
    const answer = await this.ask(at, "POST", `${HOSTS}/${host}/commands`, { command, validSeconds });
    if (answer && answer.status !== 200) return;
    const until = time.now() + validSeconds * 1_000;
    if (command === "reset") this.resetsAsked.push({ host, from, until });
    if (answer) this.ordered.push({ id: answer.body.id, host, command, until });
  }

  /** Ends a program as its service manager does, and starts it again. */
  async restart(of: WorldHub | WorldSite): Promise<void> {
    if (!of.isRunning) return;
    await of.restart().catch((error) => {
      // Its death was ordered and came while it ended: it is started again as whoever is killed at work.
      if (!(error instanceof Killed)) throw error;
    });
  }

  /** Every program runs, and none is about to die. */
  async allUp(): Promise<void> {
    for (const each of [this.world.hub, ...this.sites]) await this.deaths.up(each);
    for (const machine of this.machines) machine.program.spare();
  }

  /** A disaster at one party: what no other and not what was put back in its place holds is lost, and may be. */
  async disaster(happen: () => Promise<unknown>): Promise<void> {
    this.#disasters += 1;
    await this.allUp();
    await happen();
    const stores = [this.world.hub.running.store, ...this.sites.map(({ node }) => node.store)];
    const held = (await Promise.all(stores.map((store) => everythingIn(store)))).join("\n");
    this.ledger.forgetUnless((value) => held.includes(value));
  }
}

/** How often somebody looks again before they give up. */
const LOOKS = 3;

function seenIn({ body, headers }: Answer<Json>): Seen {
  return { host: body, tag: headers.get("etag") ?? "" };
}

/** For how long a command is good: some are over before a link is back. */
const VALID_SECONDS = [15, 60, 600];

export type WrittenField = "name" | "metadata";

const FIELDS: Readonly<Record<WrittenField, { read(host: Json): string; body(value: string): object }>> = {
  name: { read: (host) => String(host.name ?? ""), body: (value) => ({ name: value }) },
  metadata: {
    read: (host) => String(host.metadata?.find(({ key }: Json) => key === "round")?.value ?? ""),
    body: (value) => ({ metadata: [{ key: "round", value }] }),
  },
};

function fieldNamed(name: string | null): WrittenField | undefined {
  return name === "name" || name === "metadata" ? name : undefined;
}

/** The value of ours in what somebody wanted of a field. */
export function ownValue(value: unknown): string {
  return JSON.stringify(value ?? null).match(/w\d+x/)?.[0] ?? (typeof value === "string" ? value : "");
}

/** What a field of a host holds, as it is shown. */
export function valueShown(host: Json, field: string): string {
  return FIELDS[field === "name" ? "name" : "metadata"].read(host);
}
