import { sql } from "kysely";
import { expect } from "vitest";
import { conflictsFor, machinesIn } from "./agreement.ts";
import { eventually } from "./eventually.ts";
import type { Snapshot, WorldHub } from "./hub.ts";
import type { Machine } from "./machine.ts";
import type { Answer, Json } from "./request.ts";
import type { WorldSite } from "./site.ts";
import type { World } from "./world.ts";

const PROJECT = "/v1/projects/default";
export const HOSTS = `${PROJECT}/compute/hosts`;

type Party = WorldHub | WorldSite;
type Database = World["hub"]["running"]["store"];

/** What was asked for and answered with success, and what whoever asked was shown before. */
interface Written {
  readonly value: string;
  readonly over: readonly string[];
}

/** A world in which things happen, and what must be true of it in the end. */
export class Story {
  readonly world: World;
  readonly machines: readonly Machine[];
  readonly sites: readonly string[];
  readonly os: string;
  #count = 0;
  #written: Written[] = [];
  /** How often each machine was asked to reset by somebody. */
  readonly resets = new Map<Machine, number>();
  hubBefore: Snapshot | undefined;
  readonly siteBefore = new Map<string, Snapshot>();
  backup: string | undefined;
  /** Nobody can keep a site that was put back from doing once more what it does not know it did, until it hears its hub. */
  anySiteRolledBack = false;
  /** Sites that must be held, unless somebody has released them since. */
  readonly held = new Set<string>();

  constructor(parts: { world: World; machines: readonly Machine[]; sites: readonly string[]; os: string }) {
    ({ world: this.world, machines: this.machines, sites: this.sites, os: this.os } = parts);
  }

  next(): number {
    this.#count += 1;
    return this.#count;
  }

  /** Sets a field to a value that nobody wanted before, at the hub or at a site, and remembers it if that was accepted. */
  async write(at: Party, id: string | undefined, field: "name" | "metadata"): Promise<void> {
    if (id === undefined) return;
    const value = `w${this.next()}x`;
    const shown = await at.request("GET", `${HOSTS}/${id}`);
    const body = field === "name" ? { name: value } : { metadata: [{ key: "round", value }] };
    const { status } = await at.request("PATCH", `${HOSTS}/${id}`, body);
    if (status !== 200) return;
    const before = field === "name" ? shown.body.name : shown.body.metadata?.[0]?.value;
    this.#written.push({ value, over: typeof before === "string" ? [before] : [] });
  }

  /** Chooses one of the values of an open conflict. */
  async choose(at: Party, which: number): Promise<void> {
    const { status, body }: Answer<Json> = await at.request("GET", `${PROJECT}/conflicts`);
    if (status !== 200 || body.conflicts.length === 0) return;
    const conflict = body.conflicts[which % body.conflicts.length];
    const chosen = conflict.values[which % conflict.values.length];
    const saw = conflict.values.map(({ write }: Json) => write);
    const answer = await at.request("POST", `${PROJECT}/conflicts/${conflict.id}/resolve`, {
      choose: chosen.write,
      saw,
    });
    if (answer.status !== 200) return;
    const [value] = valuesIn(chosen.value);
    if (value === undefined) {
      // Nothing of ours stands: what was not chosen was seen by somebody.
      const dropped = new Set(conflict.values.flatMap((each: Json) => valuesIn(each.value)));
      this.#written = this.#written.filter((each) => !dropped.has(each.value));
    } else this.#written.push({ value, over: conflict.values.flatMap((each: Json) => valuesIn(each.value)) });
  }

  /** Waits until all that was wanted at sites is judged; whether a thing is there at all, and as what, is chosen meanwhile. */
  async settles(): Promise<void> {
    await eventually(async () => {
      await this.world.clock.advance(5_000);
      const open = await this.world.hub.conflicts();
      for (const { id, values } of open.filter(({ field }: Json) => field === null)) {
        for (const { write } of values) {
          const chosen = { choose: write };
          const { status } = await this.world.hub.request("POST", `${PROJECT}/conflicts/${id}/resolve`, chosen);
          if (status === 200) break;
        }
      }
      expect(open.filter(({ field }: Json) => field === null)).toEqual([]);
      for (const name of this.sites) {
        const { unsent, intents, phase } = await this.world.site(name).status();
        expect({ unsent: unsent.entries, waiting: intents.waiting, phase }).toEqual({
          ...{ unsent: 0, waiting: 0, phase: { is: "settled" } },
        });
      }
      // Judged meanwhile, there may be one more.
      expect((await this.world.hub.conflicts()).filter(({ field }: Json) => field === null)).toEqual([]);
    });
  }

  /** A disaster at one party: what no other party and not what was put back in its place holds is lost, and may be. */
  async disaster(happen: () => Promise<unknown>): Promise<void> {
    await happen();
    const held = (await Promise.all(this.#databases().map(everythingIn))).join("\n");
    this.#written = this.#written.filter(({ value }) => held.includes(`${value}`));
  }

  #databases(): Database[] {
    return [this.world.hub.running.store, ...this.sites.map((name) => this.world.site(name).node.store)];
  }

  /** Every write is there, or is asked about, or is history, or was written over by somebody who saw it. */
  async nothingIsForgotten(): Promise<void> {
    const held = await everythingIn(this.world.hub.running.store);
    const kept = new Set(this.#written.map(({ value }) => value).filter((value) => held.includes(value)));
    for (let before = -1; before !== kept.size; ) {
      before = kept.size;
      for (const { value, over } of this.#written) if (kept.has(value)) for (const each of over) kept.add(each);
    }
    expect(this.#written.map(({ value }) => value).filter((value) => !kept.has(value))).toEqual([]);
  }

  /** Of those that hold a machine, by what they hold themselves. */
  async nobodyManagesTwice(): Promise<void> {
    const managing = new Map<string, string[]>();
    for (const name of this.sites) {
      const { id, node } = this.world.site(name);
      for (const host of (await machinesIn(node.store, id)).keys()) {
        managing.set(host, [...(managing.get(host) ?? []), name]);
      }
    }
    for (const [host, names] of managing) expect({ host, names }).toEqual({ host, names: [names[0]] });
  }

  async conflictsAreShown(): Promise<void> {
    for (const name of this.sites) {
      const site = this.world.site(name);
      const { conflicts } = await site.ask("GET", `${PROJECT}/conflicts`);
      const feed = await conflictsFor(this.world.hub.running.store, site.id);
      const open = await this.world.hub.conflicts();
      const ids = feed.map(({ id }) => id).toSorted();
      expect(conflicts.map(({ id }: Json) => id).toSorted()).toEqual(ids);
      for (const conflict of conflicts) expect(open).toContainEqual(conflict);
      for (const { id, resourceId, values } of open) {
        const host = await this.world.hub.request("GET", `${HOSTS}/${resourceId}`);
        const concerned = values.some(({ by }: Json) => by === site.id) || host.body?.siteId === site.id;
        if (concerned && host.status === 200 && host.body.siteId === site.id) expect(ids).toContain(id);
      }
    }
  }

  async holdsAreThere(): Promise<void> {
    const { holds } = await this.world.hub.ask("GET", `${PROJECT}/holds`);
    for (const name of this.sites) {
      const site = this.world.site(name);
      const atHub = holds.filter(({ siteId }: Json) => siteId === site.id);
      expect((await site.ask("GET", `${PROJECT}/holds`)).holds).toEqual(atHub);
      if (this.held.has(name)) expect({ name, held: atHub.length }).toEqual({ name, held: 1 });
    }
  }

  nothingIsDoneTwice(): void {
    if (this.anySiteRolledBack) return;
    for (const machine of this.machines) {
      const resets = machine.switched.filter((action) => action === "reset").length;
      expect(resets).toBeLessThanOrEqual(this.resets.get(machine) ?? 0);
    }
  }

  async nothingIsSetAside(): Promise<void> {
    for (const name of this.sites) {
      const site = this.world.site(name);
      expect(await this.world.hub.ask("GET", `${PROJECT}/sites/${site.id}/quarantine`)).toMatchObject({ entries: [] });
      expect((await site.status()).counters).not.toHaveProperty("feed-rows-malformed");
    }
  }

  async isSound(): Promise<void> {
    await this.nothingIsForgotten();
    await this.nobodyManagesTwice();
    await eventually(() => this.conflictsAreShown());
    await eventually(() => this.holdsAreThere());
    this.nothingIsDoneTwice();
  }
}

/** The values of ours in what somebody wanted. */
function valuesIn(value: unknown): string[] {
  return [...JSON.stringify(value ?? null).matchAll(/w\d+x/g)].map(([found]) => found);
}

/** All that a database holds for people to see, as text. */
async function everythingIn(store: Database): Promise<string> {
  return store.read(async (view) => {
    const tables = view.tables<Record<string, unknown>>();
    const names = await sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(tables);
    const all: string[] = [];
    for (const { name } of names.rows) {
      if (name.startsWith("sqlite_")) continue;
      const { rows } = await sql`select * from ${sql.table(name)}`.execute(tables);
      // That a write could not apply is noted for the machines: people are shown it as a conflict, or as an event.
      const told = (rows as { operation?: string }[]).filter(({ operation }) => operation !== "conflict");
      all.push(JSON.stringify(told, (_, each) => (typeof each === "bigint" ? String(each) : each)));
    }
    return all.join("\n");
  });
}
