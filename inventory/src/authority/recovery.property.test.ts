import { Host, type Resource } from "@holdfast/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SiteModel } from "../testing/recovery-site.ts";
import { DELETED, HubWorld, siteId, TENANT } from "../testing/recovery-world.ts";

/** How many histories; more when asked for. */
const RUNS = Number(process.env.HOLDFAST_RECOVERY_RUNS ?? 12);
// The same histories each time, so that a failure is somebody's change.
const SEED = Number(process.env.HOLDFAST_SEED ?? 1);

const ACTS = {
  "hub adds": 2,
  "hub edits": 5,
  "hub deletes": 1,
  "hub moves": 2,
  "hub settles": 1,
  "site makes": 3,
  "site edits": 7,
  "site claims": 1,
  "site pushes": 9,
  "site follows": 7,
  "site lets go": 5,
  "back up": 2,
  restore: 2,
  "site loses its disk": 0.3,
} as const;
type Does = keyof typeof ACTS;

interface Act {
  readonly does: Does;
  /** Which site, which host of those there are, and which of two or three ways. */
  readonly site: number;
  readonly which: number;
  readonly way: number;
}

const act = fc.record<Act>({
  does: fc.oneof(
    ...Object.entries(ACTS).map(([does, weight]) => ({ arbitrary: fc.constant(does as Does), weight: weight * 10 })),
  ),
  site: fc.nat(1),
  which: fc.nat(7),
  way: fc.nat(2),
});

const FIELDS = ["name", "amtDnsSuffix"];

class History {
  readonly hub: HubWorld;
  readonly sites: readonly SiteModel[];
  /** Hosts that a site may take to be its own although another does too: claimed by both, or known before a lost disk. */
  readonly contested = new Set<string>();

  constructor(hub: HubWorld) {
    this.hub = hub;
    this.sites = [new SiteModel(hub, "a"), new SiteModel(hub, "b")];
  }

  async act({ does, site, which, way }: Act): Promise<void> {
    const at = this.sites[site];
    if (!at) return;
    if (does.startsWith("hub")) return this.#atHub({ does, site, which, way });
    const managed = [...at.bodies().keys()].filter((host) => at.manages(host));
    switch (does) {
      case "site makes":
        return at.create();
      case "site edits":
        if (managed.length > 0) at.edit(managed[which % managed.length] ?? "", FIELDS[way % 2] ?? "");
        return;
      case "site claims": {
        const free = [...at.bodies()].filter(([host, body]) => body.owner === undefined && !at.manages(host));
        const [host] = free[which % Math.max(free.length, 1)] ?? [];
        if (host === undefined) return;
        this.contested.add(host);
        return at.edit(host, "siteId");
      }
      case "site pushes":
        return at.push(1 + way, which === 0 ? "is lost" : "arrives");
      case "site follows":
        return at.follow();
      case "site lets go":
        return at.letGo();
      case "back up":
        return this.hub.backUp();
      case "restore":
        await this.hub.restore();
        return this.#disaster();
      default:
        for (const host of at.bodies().keys()) this.contested.add(host);
        at.loseDisk();
        return this.#disaster();
    }
  }

  async #atHub({ does, site, which, way }: Act): Promise<void> {
    const { hub } = this;
    const asked = { actor: "operator:alice", tenant: TENANT };
    const hosts = (await hub.hosts()).filter(({ fields }) => (fields as Fields).desiredState !== DELETED);
    if (does === "hub adds" || hosts.length === 0) {
      const fields = { name: hub.next(), ...(way === 0 ? {} : { siteId: siteId(site === 0 ? "a" : "b") }) };
      const { resourceId, stamps } = await hub.authority.create(Host, { ...asked, fields });
      hub.want({ id: stamps.name?.id ?? "", host: resourceId, field: "name", value: fields.name, parents: [] });
      return;
    }
    const host = hosts[which % hosts.length] as Resource;
    const id = host.resourceId;
    if (does === "hub deletes") {
      await hub.authority.remove(Host, { ...asked, id });
      return this.#wanted(host, "desiredState", DELETED);
    }
    if (does === "hub moves") {
      const to = [siteId("a"), siteId("b"), null][way] ?? null;
      if ((host.fields as Fields).siteId === (to ?? undefined)) return;
      await hub.authority.update(Host, { ...asked, id, fields: { siteId: to } });
      return this.#wanted(host, "siteId", to);
    }
    const field = FIELDS[way % 2] ?? "";
    const value = hub.next();
    if (does === "hub edits") {
      await hub.authority.update(Host, { ...asked, id, fields: { [field]: value } });
      await this.#wanted(host, field, value);
      const standing = await hub.standing(id, field);
      if (hub.conflicts.has(`${id}/${field}`)) hub.clash(id, field, [standing]);
      return;
    }
    const values = hub.conflicts.get(`${id}/${field}`);
    if (!values) return;
    await hub.store.write((tx) => hub.authority.settleIn(tx, Host, { ...asked, id, fields: { [field]: value } }));
    hub.conflicts.delete(`${id}/${field}`);
    await this.#wanted(host, field, value, values);
  }

  async #wanted(before: Resource, field: string, value: unknown, over: Iterable<string> = []): Promise<void> {
    const { resourceId: host } = before;
    const parents = [...over, before.stamps[field]?.id ?? ""].filter((write) => write !== "");
    this.hub.want({ id: await this.hub.standing(host, field), host, field, value, parents });
  }

  /** What nobody has any more cannot be asked of anybody. */
  async #disaster(): Promise<void> {
    const held = await this.hub.held();
    for (const site of this.sites) for (const write of this.hub.behind(site.held())) held.add(write);
    for (const wanted of this.hub.wanted.values()) if (!held.has(wanted.id)) wanted.lost = true;
  }

  /** No two sites manage one machine (rule 14). */
  managedTwice(): string[] {
    const [one, other] = this.sites.map((site) => [...site.bodies().keys()].filter((host) => site.manages(host)));
    return (one ?? []).filter((host) => other?.includes(host) && !this.contested.has(host));
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 12; round += 1) {
      for (const site of this.sites) {
        site.letGo();
        await site.push(1_000, "arrives");
        await site.follow();
      }
    }
  }

  async checkAtRest(): Promise<void> {
    const held = await this.hub.held();
    const gone = [...this.hub.wanted.values()].filter(({ id, lost }) => !lost && !held.has(id));
    expect(gone, "writes that are nowhere any more").toEqual([]);
    const hosts = await this.hub.hosts();
    for (const { host, lost, value } of this.hub.wanted.values()) {
      if (value !== DELETED || lost) continue;
      expect(
        hosts.filter(({ resourceId }) => resourceId === host),
        "a deleted host is back",
      ).toEqual([]);
    }
    for (const host of hosts)
      expect(host.owner, `${host.resourceId} is where it is wanted`).toBe((host.fields as Fields).siteId);
    for (const site of this.sites) {
      expect(site.quiet(), `${site.id} has said all`).toBe(true);
      const shown = hosts.filter(({ owner }) => owner === undefined || owner === site.id);
      const stampsAtHub = Object.fromEntries(shown.map((host) => [host.resourceId, host.stamps]));
      const stamps = Object.fromEntries([...site.bodies()].map(([id, body]) => [id, body.stamps]));
      expect(stamps, `${site.id} shows what the hub shows`).toEqual(stampsAtHub);
    }
  }
}

type Fields = Readonly<Record<string, unknown>>;

test("what is written to a machine after its site let it go to nobody outlives a restore, if that site alone has heard of it (rule 20)", async () => {
  const acts: readonly (readonly [Does, site: number, which: number, way: number])[] = [
    ["hub edits", 0, 1, 2],
    ["site pushes", 0, 0, 0],
    ["hub edits", 1, 3, 2],
    ["restore", 0, 1, 2],
    ["hub edits", 0, 0, 2],
    ["site follows", 0, 1, 2],
    ["hub moves", 0, 2, 2],
    ["site pushes", 0, 4, 2],
    ["hub edits", 0, 4, 0],
    ["site lets go", 0, 6, 1],
    ["site pushes", 0, 2, 0],
    ["site follows", 0, 2, 1],
    ["restore", 1, 0, 0],
  ];
  await using hub = await HubWorld.open();
  const history = new History(hub);
  for (const [does, site, which, way] of acts) await history.act({ does, site, which, way });
  await history.settle();
  await history.checkAtRest();
});

test("whatever is written, moved, deleted and restored, no write is lost, nothing deleted returns, and all ends the same (rules 1, 14, 15, 20)", async () => {
  const property = fc.asyncProperty(fc.array(act, { minLength: 60, maxLength: 140, size: "max" }), async (acts) => {
    await using hub = await HubWorld.open();
    const history = new History(hub);
    for (const each of acts) {
      await history.act(each);
      expect(history.managedTwice()).toEqual([]);
    }
    await history.settle();
    await history.checkAtRest();
  });
  await fc.assert(property, { numRuns: RUNS, endOnFailure: RUNS > 100, seed: SEED });
}, 3_600_000);
