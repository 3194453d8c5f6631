import { Host } from "@holdfast/protocol/kinds/host";
import { Instance } from "@holdfast/protocol/kinds/instance";
import type { Kind } from "@holdfast/protocol/kinds/kind";
import { OperatingSystem } from "@holdfast/protocol/kinds/operating-system";
import { Fault, systemClock } from "@holdfast/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { addLentIds } from "../outbox/id-pool.ts";
import { AuthorityHub } from "../testing/authority-hub.ts";
import { OF, SITE, TENANT, TestSite } from "../testing/test-site.ts";
import { Outcomes, refusedIntents } from "./outcomes.ts";
import { SiteInventory } from "./site-inventory.ts";

const FIRST = 0x9000_0000;
const HOSTS = 5;

type Step =
  | { readonly do: "create"; readonly serial: number }
  | { readonly do: "write"; readonly at: number; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly do: "claim" | "install" | "remove"; readonly at: number }
  | { readonly do: "restart" | "send" | "hear" };

const at = fc.nat(HOSTS - 1);
const fields = fc.record(
  {
    name: fc.constantFrom("till", "till 2", "counter"),
    metadata: fc.constantFrom(null, [], [{ key: "a", value: "b" }]),
    desiredState: fc.constantFrom("HOST_STATE_ONBOARDED", "HOST_STATE_UNTRUSTED", "HOST_STATE_REGISTERED"),
    desiredPowerState: fc.constantFrom(null, "POWER_STATE_ON", "POWER_STATE_OFF"),
    serialNumber: fc.constantFrom("SN-1", "SN-2"),
    uuid: fc.constantFrom("4C4C4544-0042-4A10-8054-B4C04F564433", ""),
  },
  { requiredKeys: [] },
);

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.nat(3).map((serial): Step => ({ do: "create", serial })) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("write" as const), at, fields }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("claim" as const, "install", "remove"), at }) },
    { weight: 2, arbitrary: fc.constantFrom<Step>({ do: "restart" }, { do: "send" }, { do: "hear" }) },
  ),
  { maxLength: 20 },
);

/** One operator at a site that may or may not reach its hub, at which nobody writes. */
class Story implements AsyncDisposable {
  readonly #hub: AuthorityHub;
  readonly #site: TestSite;
  readonly #ids: string[];
  readonly #os: string;
  #inventory: SiteInventory;

  private constructor(hub: AuthorityHub, site: TestSite, made: { hosts: string[]; os: string }) {
    this.#hub = hub;
    this.#site = site;
    this.#os = made.os;
    const lent = Array.from({ length: HOSTS - 2 }, (_, index) => `host-${(FIRST + index).toString(16)}`);
    this.#ids = [...made.hosts, ...lent];
    this.#inventory = this.#begin();
  }

  static async open(): Promise<Story> {
    const [hub, site] = [await AuthorityHub.open(), await TestSite.open()];
    const own = await hub.create(Host, { name: "own", siteId: SITE });
    const free = await hub.create(Host, { name: "free" });
    const os = await hub.create(OperatingSystem, { name: "debian", profileName: "debian", sha256: "0".repeat(64) });
    await hub.show(site);
    await site.write((tx) => addLentIds(tx, { first: FIRST, count: 60 }));
    return new Story(hub, site, { hosts: [own, free], os });
  }

  #begin(): SiteInventory {
    const site = this.#site;
    const outcomes = new Outcomes(site.store, systemClock);
    return new SiteInventory({
      ...site,
      intents: site.intents,
      outcomes,
      replicaOf: async () => OF,
      clock: systemClock,
    });
  }

  /** What a step asks for is either done and shown whole, or refused and nothing of it is. */
  async take(step: Step): Promise<void> {
    if (step.do === "restart") {
      await this.#site.reopen();
      this.#inventory = this.#begin();
    } else if (step.do === "send") await this.#hub.take(this.#site);
    else if (step.do === "hear") await this.#hub.show(this.#site);
    else {
      const before = await this.shown();
      const done = await this.#ask(step).then(
        () => true,
        (error: unknown) => {
          if (!(error instanceof Fault)) throw error;
          return false;
        },
      );
      if (!done) expect(await this.shown()).toEqual(before);
      else if (step.do === "write") expect(await this.#fieldsOf(step.at)).toMatchObject(expected(step.fields));
    }
  }

  async #ask(step: Step): Promise<unknown> {
    const by = { actor: "operator:alice", tenant: TENANT };
    if (step.do === "create") {
      return this.#inventory.create(Host, { ...by, fields: { name: "made", serialNumber: `SN-${step.serial}` } });
    }
    if (!("at" in step)) throw new TypeError(step.do);
    const id = this.#ids[step.at] ?? "";
    if (step.do === "write") return this.#inventory.update(Host, { ...by, id, fields: step.fields });
    if (step.do === "claim") return this.#inventory.update(Host, { ...by, id, fields: { siteId: SITE } });
    if (step.do === "install") {
      return this.#inventory.create(Instance, { ...by, fields: { hostID: id, osID: this.#os } });
    }
    const [instance] = await this.#site.store.read((view) => view.find(Instance, { hostID: id }, TENANT));
    if (instance) await this.#inventory.remove(Instance, { ...by, id: instance.resourceId });
  }

  async #fieldsOf(index: number) {
    return (await this.#site.get(Host, this.#ids[index] ?? ""))?.fields;
  }

  async meet(): Promise<void> {
    await this.#hub.take(this.#site);
    await this.#hub.show(this.#site);
  }

  shown = () => this.#all(this.#site.store);
  atHub = () => this.#all(this.#hub.store);
  refused = () => this.#site.store.read(refusedIntents);
  overlays = () => this.#site.store.read((view) => siteTables(view).selectFrom("local_intent").selectAll().execute());

  async #all(store: TestSite["store"]) {
    const of = async (kind: Kind) => {
      const { resources } = await store.read((view) => view.list(kind, { tenant: TENANT }));
      return resources.map(({ resourceId, owner, generation, creation, stamps, fields }) => ({
        ...{ resourceId, owner, generation, creation, fields },
        stamps: Object.fromEntries(Object.entries(stamps).map(([name, { id }]) => [name, id])),
      }));
    };
    return [...(await of(Host)), ...(await of(Instance))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#site[Symbol.asyncDispose]();
    await this.#hub[Symbol.asyncDispose]();
  }
}

/** What a write shows of what it says: unset metadata are none, UUIDs are lower-case, unset states are unspecified. */
function expected({ metadata, desiredPowerState, uuid, ...rest }: Readonly<Record<string, unknown>>) {
  return {
    ...rest,
    ...(metadata === undefined ? {} : { metadata: metadata ?? [] }),
    ...(desiredPowerState === undefined ? {} : { desiredPowerState: desiredPowerState ?? "POWER_STATE_UNSPECIFIED" }),
    ...(typeof uuid === "string" && uuid !== "" ? { uuid: uuid.toLowerCase() } : {}),
  };
}

test("whatever is written at a site shows at once, and when the hub has heard it all, both show that to the stamp (rules 1, 2)", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (told) => {
      await using story = await Story.open();
      for (const step of told) await story.take(step);
      const before = await story.shown();
      await story.meet();
      expect(await story.refused()).toEqual([]);
      expect(await story.shown()).toEqual(before);
      expect(await story.atHub()).toEqual(before);
      expect(await story.overlays()).toEqual([]);
    }),
    { numRuns: 30, endOnFailure: true, seed: 1 },
  );
}, 120_000);
