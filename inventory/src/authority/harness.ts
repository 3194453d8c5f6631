import {
  type FeedScope,
  Host,
  Instance,
  type Kind,
  kindOfId,
  OperatingSystem,
  type Resource,
  type ResourceBody,
  Site,
} from "@holdfast/protocol";
import { systemClock } from "@holdfast/runtime";
import type { Store } from "../store/contract.ts";
import { openSqliteStore } from "../store/sqlite/open.ts";
import {
  type Authority,
  type AuthorityListener,
  type AuthorityParts,
  createAuthority,
  type Recovery,
  type Report,
} from "./authority.ts";

export const TENANT = "11111111-1111-4111-8111-111111111111";
export const ALICE = "operator:alice";

type Fields = Readonly<Record<string, unknown>>;

/** A hub's inventory in memory with one tenant, and short names for what tests do to it. Closed by `await using`. */
export class Harness implements AsyncDisposable {
  readonly store: Store;
  readonly authority: Authority;
  /** What the clock says; tests set it. */
  now: () => number = () => 1_000;

  private constructor(store: Store, authority: Authority) {
    this.store = store;
    this.authority = authority;
  }

  static async open(
    listeners: readonly AuthorityListener[] = [],
    { isSilent = () => false, wasHeard = async () => true }: Pick<AuthorityParts, "isSilent" | "wasHeard"> = {},
  ): Promise<Harness> {
    const store = await openSqliteStore({ path: ":memory:" });
    const clock = { ...systemClock, now: (): number => harness.now() };
    let count = 0;
    const newId = () => {
      count += 1;
      return `w${count}`;
    };
    const authority = await createAuthority({ store, clock, newId, listeners, isSilent, wasHeard });
    const harness: Harness = new Harness(store, authority);
    await harness.authority.createTenant({ actor: "hub", name: "first", id: TENANT });
    return harness;
  }

  add(kind: Kind, fields: Fields): Promise<Resource> {
    return this.authority.create(kind, { actor: ALICE, tenant: TENANT, fields });
  }

  site(name: string): Promise<Resource> {
    return this.add(Site, { name });
  }

  host(fields: Fields = {}): Promise<Resource> {
    return this.add(Host, { name: "host", ...fields });
  }

  os(name = "Ubuntu"): Promise<Resource> {
    return this.add(OperatingSystem, { name, profileName: name, sha256: "a".repeat(64) });
  }

  /** An instance of a new operating system on a host. */
  async instance(host: Resource): Promise<Resource> {
    const os = await this.os(`os for ${host.resourceId}`);
    return this.add(Instance, { hostID: host.resourceId, osID: os.resourceId });
  }

  set(resource: Resource, fields: Fields): Promise<Resource> {
    const { tenant, resourceId: id } = resource;
    return this.authority.update(kindOf(resource), { actor: ALICE, tenant, id, fields });
  }

  remove(resource: Resource): Promise<void> {
    const { tenant, resourceId: id } = resource;
    return this.authority.remove(kindOf(resource), { actor: ALICE, tenant, id });
  }

  get({ tenant, resourceId }: Resource): Promise<Resource | undefined> {
    return this.store.read((view) => view.get(kindOf({ resourceId }), tenant, resourceId));
  }

  /** A site's edit, made by somebody who saw the stamp that the field has now unless told otherwise. */
  async edit(resource: Resource, site: string, edit: { field: string; value: unknown; base?: string; write?: string }) {
    const { field, value, write = `intent-${field}` } = edit;
    const base = edit.base ?? (await this.get(resource))?.stamps[field]?.id ?? "";
    const { tenant, resourceId: id } = resource;
    const whole = { kind: kindOf(resource), tenant, id, field, value, base, actor: "operator:bob", write, site };
    return this.store.write((tx) => this.authority.editIn(tx, whole));
  }

  /** A site's report of a resource. */
  observe(
    resource: Resource,
    site: string,
    fields: Fields,
    groups: Pick<Report, "sources" | "keep"> = {},
  ): Promise<void> {
    const { tenant, resourceId: id } = resource;
    const seen = { observedAt: 5_000, observedGeneration: 1, fields, ...groups };
    const report = { kind: kindOf(resource), tenant, id, site, ...seen };
    return this.store.write((tx) => this.authority.observeIn(tx, report));
  }

  /** A site's release of a resource, answering the stamp that stands now unless told otherwise. */
  async release(resource: Resource, site: string, reason: "deleted" | "moved", stamp?: string) {
    const stamps = (await this.get(resource))?.stamps;
    const standing = stamps?.[reason === "deleted" ? "desiredState" : "siteId"]?.id ?? "";
    const { tenant, resourceId: id } = resource;
    const release = { kind: kindOf(resource), tenant, id, site, reason, stamp: stamp ?? standing };
    return this.store.write((tx) => this.authority.releaseIn(tx, release));
  }

  /** What a site gives back of a resource: the row as it holds it. */
  recover(kind: Kind, id: string, { site, body }: { site: string; body: ResourceBody }): Promise<Recovery> {
    return this.store.write((tx) => this.authority.recoverIn(tx, { site, tenant: TENANT, kind, id, body }));
  }

  /** What a site gives back of a machine that it let go. */
  recoverLetGo(
    id: string,
    { site, body, reason }: { site: string; body: ResourceBody; reason: "deleted" | "moved" },
  ): Promise<Recovery> {
    const stamp = body.stamps[reason === "deleted" ? "desiredState" : "siteId"]?.id ?? "";
    const letGo = { site, tenant: TENANT, kind: kindOf({ resourceId: id }), id, body, reason, stamp };
    return this.store.write((tx) => this.authority.recoverLetGoIn(tx, letGo));
  }

  /** The scope's newest rows in order: an id, or `-` and an id for what is gone. */
  async feed(scope: FeedScope): Promise<string[]> {
    const { rows } = await this.store.read((view) => view.feed(scope, 0, 1_000));
    return rows.map((row) => (row.body === null ? `-${row.id}` : row.id));
  }

  /** The body by which a scope shows a resource. */
  async body(scope: FeedScope, { resourceId }: Resource): Promise<Record<string, unknown> | undefined> {
    const { rows } = await this.store.read((view) => view.feed(scope, 0, 1_000));
    const body = rows.find((row) => row.id === resourceId)?.body;
    return body ? (JSON.parse(body) as Record<string, unknown>) : undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store.close();
  }
}

function kindOf({ resourceId }: Pick<Resource, "resourceId">): Kind {
  const kind = kindOfId(resourceId);
  if (!kind) throw new TypeError(`no kind of ${resourceId}`);
  return kind;
}
