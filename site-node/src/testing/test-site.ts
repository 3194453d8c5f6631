import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore, type Store, type Transaction } from "@holdfast/inventory";
import type { Kind } from "@holdfast/protocol/kinds/kind";
import { systemClock } from "@holdfast/runtime";
import { siteMigrations } from "../database/migrations.ts";
import { writeSetting } from "../database/settings.ts";
import { Intents } from "../intents/intents.ts";
import { Outbox } from "../outbox/outbox.ts";
import { startStream } from "../outbox/stream.ts";
import { applyBatch, type FeedBatch, type FeedChange } from "../replica/apply.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { listening, writePhase } from "../replica/phase.ts";
import { type Taken, takeBatch } from "../replica/take.ts";

export const SITE = "site-0000000a";
export const TENANT = "11111111-1111-4111-8111-111111111111";
export const OF: ReplicaOf = { site: SITE, tenant: TENANT, epoch: "epoch-1" };
export const TENANT_SCOPE = `tenant:${TENANT}`;
export const SITE_SCOPE = `site:${SITE}`;

/** A site's store on a real file, as it is after the hub's first word. `reopen` is what a crash and a start are. */
export class TestSite {
  readonly home = mkdtempSync(join(tmpdir(), "holdfast-site-"));
  store!: Store;
  outbox!: Outbox;
  intents!: Intents;

  static async open(): Promise<TestSite> {
    const site = new TestSite();
    await site.#open();
    await site.store.write(async (transaction) => {
      await transaction.insertTenant({ id: TENANT, name: "default" });
      await writeSetting(transaction, "tenant", { id: TENANT, name: "default" });
      await writeSetting(transaction, "site", SITE);
      const start = { epoch: OF.epoch, reason: "first" as const, site: SITE, tenant: TENANT, now: 1_000_000 };
      await startStream(transaction, site.outbox, start);
      await writePhase(transaction, { is: "settled" });
    });
    return site;
  }

  async #open(): Promise<void> {
    this.store = await openSqliteStore({ path: join(this.home, "site.db"), migrations: siteMigrations });
    this.outbox = new Outbox(systemClock);
    this.intents = new Intents(this.outbox, systemClock);
  }

  async reopen(): Promise<void> {
    await this.store.close();
    await this.#open();
  }

  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.store.write(work);
  }

  /** What one scope says up to `seq`, applied whatever the phase is. */
  async feed(scope: string, seq: number, changes: readonly FeedChange[], more: Partial<FeedBatch> = {}): Promise<void> {
    await this.write((transaction) => applyBatch(transaction, OF, batchOf(scope, seq, changes, more), 1_000));
  }

  /** The same as an answer that was asked for now, or under another number of `listening`. */
  hear(
    scope: string,
    seq: number,
    changes: readonly FeedChange[],
    { asked, ...more }: Partial<FeedBatch> & { asked?: number } = {},
  ): Promise<Taken> {
    return this.write(async (transaction) => {
      const batch = batchOf(scope, seq, changes, more);
      return takeBatch(transaction, OF, { batch, asked: asked ?? (await listening(transaction)), now: 1_000 });
    });
  }

  async get<K extends Kind>(kind: K, id: string) {
    return this.store.read((view) => view.get(kind, TENANT, id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    rmSync(this.home, { recursive: true, force: true });
  }
}

function batchOf(scope: string, seq: number, changes: readonly FeedChange[], more: Partial<FeedBatch>): FeedBatch {
  return { scope, handle: "h1", position: `${seq}_0`, snapshot: false, changes, ...more };
}

/** A row of the feed with the hub's stamps: every field was last written by `w{seq}` unless said otherwise. */
export function row(
  kind: string,
  id: string,
  seq: number,
  fields: Record<string, unknown>,
  more: Record<string, unknown> = {},
): FeedChange {
  const stamps = Object.fromEntries(
    Object.keys(fields).map((name) => [name, { id: `w${seq}-${name}`, epoch: OF.epoch, generation: seq }]),
  );
  const body = {
    tenant: TENANT,
    generation: seq,
    createdAt: 1,
    updatedAt: seq,
    creation: `c-${id}`,
    stamps,
    fields,
    ...more,
  };
  return { is: "row", kind, id, seq, body: JSON.stringify(body) };
}

export function gone(kind: string, id: string): FeedChange {
  return { is: "gone", kind, id };
}

/** A host of this site. */
export function hostRow(
  id: string,
  seq: number,
  fields: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
) {
  const all = { name: id, siteId: SITE, desiredState: "HOST_STATE_ONBOARDED", ...fields };
  return row("host", id, seq, all, { owner: SITE, ...more });
}

export const siteRow = (seq = 1) => row("site", SITE, seq, { name: "oslo" });
