import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Host, type Resource, Site } from "@holdfast/protocol";
import { systemClock } from "@holdfast/runtime";
import { type Authority, createAuthority } from "../authority/authority.ts";
import { type FieldConflict, heldStamps } from "../authority/held.ts";
import { tombstoneOf } from "../authority/tombstones.ts";
import type { Store } from "../store/contract.ts";
import { openSqliteStore } from "../store/sqlite/open.ts";

export const TENANT = "11111111-1111-4111-8111-111111111111";
export const DELETED = "HOST_STATE_DELETED";
const FILES = ["", "-wal"];

/** One value that somebody wanted, and which it was made upon. */
export interface Wanted {
  readonly id: string;
  readonly host: string;
  readonly field: string;
  readonly value: unknown;
  readonly parents: readonly string[];
  /** A disaster took the last copy: nobody can be asked for it. */
  lost: boolean;
}

/** Conflicts as the hub's other parts keep them: by host and field, the writes among which an operator must choose. */
export type Conflicts = Map<string, Set<string>>;

/** The real authority over a real database that can be put back to an earlier state, and all that was ever wanted of it. */
export class HubWorld implements AsyncDisposable {
  readonly wanted = new Map<string, Wanted>();
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-recovery-"));
  #store: Store | undefined;
  #authority: Authority | undefined;
  conflicts: Conflicts = new Map();
  #saved: Conflicts = new Map();
  #count = 0;
  #now = 1_000;

  get store(): Store {
    if (!this.#store) throw new TypeError("the hub is closed");
    return this.#store;
  }

  get authority(): Authority {
    if (!this.#authority) throw new TypeError("the hub is closed");
    return this.#authority;
  }

  static async open(): Promise<HubWorld> {
    const world = new HubWorld();
    await world.#open();
    await world.authority.createTenant({ actor: "hub", name: "first", id: TENANT });
    for (const site of ["a", "b"]) {
      await world.authority.create(Site, { actor: "hub", tenant: TENANT, id: siteId(site), fields: { name: site } });
    }
    await world.backUp();
    return world;
  }

  /** An id that nothing else has, a later time with it. */
  next(): string {
    this.#count += 1;
    this.#now += 1;
    return `w${this.#count}`;
  }

  async #open(): Promise<void> {
    this.#store = await openSqliteStore({ path: this.#path("now") });
    const clock = { ...systemClock, now: () => this.#now };
    this.#authority = await createAuthority({ store: this.#store, clock, newId: () => this.next() });
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  async backUp(): Promise<void> {
    await this.store.read(async () => this.#copy("now", "backup"));
    this.#saved = structuredClone(this.conflicts);
  }

  /** The database is that of the last backup, and the hub begins another life. */
  async restore(): Promise<void> {
    await this.store.close();
    this.#copy("backup", "now");
    this.conflicts = structuredClone(this.#saved);
    await this.#open();
    await this.authority.beginEpoch();
  }

  #copy(from: string, to: string): void {
    for (const file of FILES) {
      if (existsSync(this.#path(`${from}${file}`))) {
        copyFileSync(this.#path(`${from}${file}`), this.#path(`${to}${file}`));
      } else rmSync(this.#path(`${to}${file}`), { force: true });
    }
  }

  get(id: string): Promise<Resource | undefined> {
    return this.store.read((view) => view.get(Host, TENANT, id));
  }

  hosts(): Promise<readonly Resource[]> {
    return this.store.read((view) => view.find(Host, {}, TENANT));
  }

  want(wanted: Omit<Wanted, "lost">): void {
    this.wanted.set(wanted.id, { ...wanted, lost: false });
  }

  /** Everything that these writes were made upon, themselves included. */
  behind(ids: Iterable<string>): Set<string> {
    const found = new Set<string>();
    const left = [...ids];
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      left.push(...(this.wanted.get(id)?.parents ?? []));
    }
    return found;
  }

  /** Which writes the hub has, or has something made upon them. */
  async held(): Promise<Set<string>> {
    const stamps = (await this.hosts()).flatMap((host) => Object.values(host.stamps).map(({ id }) => id));
    const buried = await this.store.read((view) =>
      view.tables<{ tombstone: { stamps: string } }>().selectFrom("tombstone").select("stamps").execute(),
    );
    for (const row of buried) stamps.push(...idsOf(JSON.parse(row.stamps)));
    return this.behind([...stamps, ...[...this.conflicts.values()].flatMap((values) => [...values])]);
  }

  /** Puts values into the conflict about a field. */
  clash(host: string, field: string | null, writes: readonly string[]): void {
    const key = `${host}/${field ?? ""}`;
    const values = this.conflicts.get(key) ?? new Set();
    this.conflicts.set(key, values);
    for (const write of writes) if (write !== "") values.add(write);
  }

  async clashes(host: string, conflicts: readonly FieldConflict[]): Promise<void> {
    const standing = (await this.get(host))?.stamps ?? {};
    for (const { field, held } of conflicts) {
      this.clash(host, field, [held.write, (field !== null && standing[field]?.id) || ""]);
    }
  }

  /** A conflict as a site holds it: its values that the hub neither has nor has overcome are put in again. */
  async recoverConflict(key: string, values: readonly string[]): Promise<void> {
    const [host = "", field = ""] = key.split("/");
    const standing = (await this.get(host))?.stamps[field]?.id;
    const overcome = this.behind(standing === undefined ? [] : [standing]);
    const missing = values.filter((write) => !this.conflicts.get(key)?.has(write) && !overcome.has(write));
    if (missing.length > 0) this.clash(host, field === "" ? null : field, values);
  }

  /** The write that stands in a field, be it in the stone of what is gone. */
  async standing(host: string, field: string): Promise<string> {
    const stamps =
      (await this.get(host))?.stamps ??
      (await this.store.write((tx) => tombstoneOf(tx, Host, { tenant: TENANT, resourceId: host })))?.stamps;
    return stamps?.[field]?.id ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store?.close();
    rmSync(this.#folder, { recursive: true });
  }
}

export function siteId(name: string): string {
  return `site-0000000${name}`;
}

export function idsOf(stamps: Resource["stamps"]): string[] {
  return Object.values(heldStamps(Host, { stamps } as never)).map(({ id }) => id);
}
