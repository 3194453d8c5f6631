import { type Authority, createAuthority, openSqliteStore, type Store } from "@holdfast/inventory";
import type { FeedScope } from "@holdfast/protocol/feed";
import type { Kind } from "@holdfast/protocol/kinds/kind";
import { kindNamed } from "@holdfast/protocol/kinds/kinds";
import { Region } from "@holdfast/protocol/kinds/region";
import { Site } from "@holdfast/protocol/kinds/site";
import type { EntryOutcome, UplinkBatch, UplinkEntry } from "@holdfast/protocol/uplink";
import { Fault, systemClock } from "@holdfast/runtime";
import { acknowledge } from "../outbox/reply.ts";
import { seal } from "../outbox/seal.ts";
import type { FeedChange } from "../replica/apply.ts";
import { OF, SITE, SITE_SCOPE, TENANT, TENANT_SCOPE, type TestSite } from "./test-site.ts";

/**
 * A hub as far as intents go: the real authority over a store in memory, with the test site's tenant and site. It takes in
 * what the site wants and shows it in the feed, without a wire between.
 */
export class AuthorityHub implements AsyncDisposable {
  readonly store: Store;
  readonly authority: Authority;
  /** What the site was told, in order. */
  readonly outcomes: EntryOutcome[] = [];
  #lent = 0x8000_0000;

  private constructor(store: Store, authority: Authority) {
    this.store = store;
    this.authority = authority;
  }

  static async open(): Promise<AuthorityHub> {
    const store = await openSqliteStore({ path: ":memory:" });
    const authority = await createAuthority({ store, clock: systemClock });
    const hub = new AuthorityHub(store, authority);
    await authority.createTenant({ actor: "hub", name: "default", id: TENANT });
    const region = await hub.create(Region, { name: "north" });
    await authority.create(Site, {
      ...{ actor: "hub", tenant: TENANT, id: SITE },
      fields: { name: "oslo", regionId: region },
    });
    return hub;
  }

  /** Returns the id of what it made. */
  async create(kind: Kind, fields: Readonly<Record<string, unknown>>): Promise<string> {
    return (await this.authority.create(kind, { actor: "operator:hub", tenant: TENANT, fields })).resourceId;
  }

  update(kind: Kind, id: string, fields: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.authority.update(kind, { actor: "operator:hub", tenant: TENANT, id, fields });
  }

  get(kind: Kind, id: string) {
    return this.store.read((view) => view.get(kind, TENANT, id));
  }

  /** The site hears all that the hub knows of it. */
  async show(site: TestSite): Promise<void> {
    for (const scope of [TENANT_SCOPE, SITE_SCOPE]) {
      const { rows, head } = await this.store.read((view) => view.feed(scope as FeedScope, 0, 100_000));
      const changes = rows.map(
        ({ kind, id, seq, body }): FeedChange =>
          body === null ? { is: "gone", kind, id } : { is: "row", kind, id, seq, body },
      );
      await site.feed(scope, head, changes);
    }
  }

  /** The hub takes in what the site has to say, batch by batch, and acknowledges it. The site does not hear the feed yet. */
  async take(site: TestSite): Promise<void> {
    for (;;) {
      const batch = await site.write((tx) => seal(tx, { site: SITE, tenant: TENANT, now: 1 }));
      if (!batch) return;
      const { stream, first, entries } = JSON.parse(batch.body) as UplinkBatch;
      const outcomes: EntryOutcome[] = [];
      for (const [index, entry] of (entries as UplinkEntry[]).entries()) {
        outcomes.push(...(await this.#apply(entry, first + index)));
      }
      this.outcomes.push(...outcomes);
      const ids = { first: this.#lent, count: 8 };
      this.#lent += 8;
      const reply = { stream, cursor: first + entries.length - 1, outcomes, ids };
      const { taken } = await site.write((tx) => acknowledge(tx, OF, { batch, reply, now: 2 }));
      if (!taken) throw new Error("the site did not take the reply");
    }
  }

  async #apply(entry: UplinkEntry, seq: number): Promise<EntryOutcome[]> {
    if (entry.type !== "create" && entry.type !== "edit" && entry.type !== "delete") return [];
    const { intent, id, actor } = entry;
    const kind = kindNamed(entry.kind);
    if (!kind) throw new Error(`no kind ${entry.kind}`);
    try {
      return await this.store.write(async (tx) => {
        if (entry.type === "edit") {
          const { field, value, base } = entry;
          const edit = { kind, tenant: TENANT, id, field, value, base, actor, write: intent, site: SITE };
          return [{ seq, intent, ...(await this.authority.editIn(tx, edit)) }];
        }
        if (entry.type === "delete") {
          const deletion = { kind, tenant: TENANT, id, saw: entry.saw, actor, write: intent, site: SITE };
          return [{ seq, intent, ...(await this.authority.deleteIn(tx, deletion)) }];
        }
        const { fields, creation } = entry;
        const made = { tenant: TENANT, id, fields, creation, actor, write: intent, owner: SITE };
        const { at } = await this.authority.createIn(tx, kind, made);
        return [{ seq, intent, result: "applied" as const, ...(at ? { at } : {}) }];
      });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return [{ seq, intent, result: "quarantined", reason: error.message }];
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store.close();
  }
}

/** How a site that is cut off comes together with its hub, and how both end. */
export function meeting(hub: AuthorityHub, site: TestSite): AsyncDisposable & { meet(): Promise<void> } {
  return {
    async meet() {
      await hub.take(site);
      await hub.show(site);
    },
    async [Symbol.asyncDispose]() {
      await site[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}
