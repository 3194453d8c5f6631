import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Authority,
  createAuthority,
  EVERY_TENANT,
  openSqliteStore,
  type Store,
  type Tenant,
} from "@holdfast/inventory";
import { Region, Site } from "@holdfast/protocol";
import { silentLog, systemClock } from "@holdfast/runtime";
import { onTestFinished } from "vitest";
import type { OpenDatabase } from "../command.ts";
import { createHolds, type HubHolds } from "../holds/holds.ts";
import { databaseOf } from "../home.ts";
import { createReceipts } from "../receipts.ts";
import { createHistory, type History } from "../recovery/history.ts";
import { HUB_MIGRATIONS } from "../tables.ts";
import { createTokens, type Tokens } from "../tokens/tokens.ts";

/** A directory of a test's own. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-disaster-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A hub's home with its database open, and nothing that listens. */
export class TestHome implements AsyncDisposable, OpenDatabase {
  readonly home: string;
  readonly store: Store;
  readonly authority: Authority;
  readonly tokens: Tokens;
  readonly holds: HubHolds;
  readonly history: History;

  private constructor(home: string, parts: OpenDatabase & { holds: HubHolds; history: History }) {
    this.home = home;
    this.store = parts.store;
    this.authority = parts.authority;
    this.tokens = parts.tokens;
    this.holds = parts.holds;
    this.history = parts.history;
  }

  static async open(home = scratch()): Promise<TestHome> {
    const clock = systemClock;
    const store = await openSqliteStore({ path: databaseOf(home), migrations: HUB_MIGRATIONS });
    const authority = await createAuthority({ store, clock });
    const holds = createHolds({ store, clock });
    const receipts = await createReceipts(store);
    const history = createHistory({ authority, holds, receipts, log: silentLog });
    return new TestHome(home, { store, authority, holds, history, tokens: createTokens({ store, clock }) });
  }

  /** With a project, which is returned as well. */
  static async withProject(): Promise<{ home: TestHome; tenant: Tenant }> {
    const home = await TestHome.open();
    return { home, tenant: await home.authority.createTenant({ actor: "hub", name: "default" }) };
  }

  async region(name: string): Promise<string> {
    const [tenant] = await this.store.read((view) => view.tenants());
    const request = { actor: "hub", tenant: tenant?.id ?? "", fields: { name } };
    return (await this.authority.create(Region, request)).resourceId;
  }

  async site(name: string): Promise<string> {
    const [tenant] = await this.store.read((view) => view.tenants());
    const request = { actor: "hub", tenant: tenant?.id ?? "", fields: { name } };
    return (await this.authority.create(Site, request)).resourceId;
  }

  async regions(): Promise<string[]> {
    const { resources } = await this.store.read((view) => view.list(Region, { tenant: EVERY_TENANT }));
    return resources.map(({ fields }) => fields.name ?? "").sort();
  }

  /** The reasons why sites are held. */
  async held(): Promise<string[]> {
    const [tenant] = await this.store.read((view) => view.tenants());
    const holds = await this.store.read((view) => this.holds.list(view, tenant?.id ?? ""));
    return holds.map(({ reason }) => reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store.close();
  }
}
