import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, createAuthority, openSqliteStore, type Store } from "@holdfast/inventory";
import { Host, Instance, KINDS, OperatingSystem, Region, Site } from "@holdfast/protocol";
import { silentLog, systemClock } from "@holdfast/runtime";
import { onTestFinished } from "vitest";
import { HUB_MIGRATIONS } from "../tables.ts";
import { accessListener } from "../tokens/access.ts";
import { createTokens } from "../tokens/tokens.ts";
import { forgetSite } from "../uplink/forget-site.ts";
import { projectIn } from "./book.ts";
import { advanceTenant } from "./controller.ts";
import { projectListener } from "./listener.ts";
import { createProjects } from "./projects.ts";

export const ALICE = "operator:alice";

/** A hub's inventory in a file, which may be killed in any of its writes, all but done, and opened again. */
export class Mortal {
  readonly #path: string;
  now = Date.UTC(2026, 10, 23);
  /** How many writes it has left to live. */
  writesLeft = Number.POSITIVE_INFINITY;
  store!: Store;
  authority!: Authority;

  private constructor(path: string) {
    this.#path = path;
  }

  static async born(): Promise<Mortal> {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-tenants-"));
    const mortal = new Mortal(join(folder, "hub.db"));
    onTestFinished(async () => {
      await mortal.store.close();
      rmSync(folder, { recursive: true });
    });
    await mortal.open();
    return mortal;
  }

  get #clock() {
    return { ...systemClock, now: () => this.now };
  }

  async open(): Promise<void> {
    const opened = await openSqliteStore({ path: this.#path, migrations: HUB_MIGRATIONS });
    this.store = {
      ...{ read: (work) => opened.read(work), onCommit: (listener) => opened.onCommit(listener) },
      ...{ writtenElsewhere: () => opened.writtenElsewhere(), tend: () => opened.tend(), close: () => opened.close() },
      write: (work) => {
        this.writesLeft -= 1;
        if (this.writesLeft >= 0) return opened.write(work);
        return opened.write(async (tx) => {
          await work(tx);
          throw new Error("killed");
        });
      },
    };
    const clock = this.#clock;
    const listeners = [accessListener({ clock }), projectListener({ clock }), forgetSite];
    this.authority = await createAuthority({ store: this.store, clock, listeners });
  }

  async reborn(writesLeft: number): Promise<void> {
    await this.store.close();
    this.writesLeft = Number.POSITIVE_INFINITY;
    await this.open();
    this.writesLeft = writesLeft;
  }

  get projects() {
    const { store, authority } = this;
    return createProjects({ store, authority, clock: this.#clock });
  }

  get tokens() {
    return createTokens({ store: this.store, clock: this.#clock });
  }

  /** Does all that can be done about a project now. */
  advance(tenant: string, heard: readonly string[] = []) {
    const { store, authority, tokens } = this;
    const wasHeard = (site: string) => heard.includes(site);
    return advanceTenant({ store, authority, tokens, wasHeard, clock: this.#clock, log: silentLog })(tenant);
  }

  async make(name = "acme"): Promise<string> {
    const organisation = await this.store.read(async (view) => {
      return (await view.rows<{ id: string }>("select id from organisation where name = 'default'", []))[0]?.id ?? "";
    });
    return (await this.projects.create({ actor: ALICE, name, organisation, description: "" })).id;
  }

  remove(project: string, sites: "waited-for" | "passed-over" = "waited-for") {
    return this.projects.remove({ actor: ALICE, project, sites });
  }

  state(project: string) {
    return this.store.read((view) => projectIn(view, project));
  }

  /** Advances, and dies in the write that comes after so many; another life does the rest. Returns whether it died. */
  async advanceDying(tenant: string, writes: number): Promise<boolean> {
    await this.reborn(writes);
    const verdict = await this.advance(tenant).catch(() => undefined);
    await this.reborn(Number.POSITIVE_INFINITY);
    if (!verdict) await this.advance(tenant);
    return !verdict;
  }

  async countsOf(tenant: string): Promise<number[]> {
    return this.store.read((view) =>
      Promise.all(KINDS.map(async (kind) => (await view.find(kind, {}, tenant)).length)),
    );
  }
}

/** Two regions, a site, a host and its instance, and an operating system that is retired. */
export async function fill(mortal: Mortal, tenant: string): Promise<{ site: string; host: string }> {
  const add = async (kind: (typeof KINDS)[number], fields: Record<string, unknown>) =>
    (await mortal.authority.create(kind, { actor: ALICE, tenant, fields })).resourceId;
  const top = await add(Region, { name: "top" });
  const parent = await add(Region, { name: "inner", parentId: top });
  const site = await add(Site, { name: "oslo", regionId: parent });
  const host = await add(Host, { name: "a host", siteId: site });
  const osID = await add(OperatingSystem, { name: "os", profileName: "os", sha256: "a".repeat(64) });
  await add(Instance, { hostID: host, osID });
  const retired = await add(OperatingSystem, { name: "old", profileName: "old", sha256: "b".repeat(64) });
  await mortal.authority.remove(OperatingSystem, { actor: ALICE, tenant, id: retired });
  return { site, host };
}
