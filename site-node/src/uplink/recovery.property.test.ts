import { Host } from "@holdfast/protocol/kinds/host";
import { silentLog, systemClock } from "@holdfast/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import type { FeedBatch } from "../replica/apply.ts";
import { mayActuate, readPhase } from "../replica/phase.ts";
import { FeedHub } from "../testing/feed-hub.ts";
import type { Fate } from "../testing/model-hub.ts";
import { OF, SITE, SITE_SCOPE, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { HubLink } from "./hub-link.ts";
import { Pusher } from "./push.ts";
import { restream } from "./restream.ts";

const HOST = "host-00000001";
const SCOPES = [TENANT_SCOPE, SITE_SCOPE];
const FIELDS = ["name", "note"] as const;

type Step =
  | { readonly do: "crash" | "backup" | "restore" | "hear-late" }
  | { readonly do: "edit" | "hub-write"; readonly field: (typeof FIELDS)[number] }
  | { readonly do: "push"; readonly fate: Fate }
  | { readonly do: "hear" | "ask"; readonly scope: string };

const field = fc.constantFrom(...FIELDS);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom<Step>({ do: "crash" }, { do: "hear-late" }) },
    { weight: 2, arbitrary: fc.constantFrom<Step>({ do: "backup" }, { do: "restore" }) },
    { weight: 3, arbitrary: field.map((each): Step => ({ do: "edit", field: each })) },
    { weight: 2, arbitrary: field.map((each): Step => ({ do: "hub-write", field: each })) },
    {
      weight: 5,
      arbitrary: fc
        .constantFrom<Fate>("arrives", "arrives", "request-lost", "reply-lost", "comes-twice")
        .map((fate): Step => ({ do: "push", fate })),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom("hear", "ask"), fc.constantFrom(...SCOPES))
        .map(([what, scope]): Step => ({ do: what as "hear" | "ask", scope })),
    },
  ),
  { minLength: 8, maxLength: 40, size: "max" },
);

/** A site and a hub that loses history now and then; what the site has asked for may reach it late. */
class Story {
  readonly site: TestSite;
  readonly hub = new FeedHub(HOST);
  /** Writes that must not be lost: the site's own, and whatever its replica has shown. */
  readonly held = new Set<string>();
  /** Which write each was made over: whoever wrote it had seen that one. */
  readonly #over = new Map<string, string>();
  #late: { batch: FeedBatch; asked: number } | undefined;
  #pusher: Pusher;

  constructor(site: TestSite) {
    this.site = site;
    this.#pusher = this.#newPusher();
  }

  #link() {
    const { site, hub } = this;
    const fetch = hub.uplink.fetch;
    const link = new HubLink({ hubUrl: "http://hub", token: "token-of-the-site", fetch, clock: systemClock });
    const { store, outbox } = site;
    return { store, outbox, link, site: SITE, tenant: TENANT, clock: systemClock, log: silentLog };
  }

  #newPusher(): Pusher {
    return new Pusher(this.#link());
  }

  async push(fate: Fate): Promise<boolean> {
    this.hub.uplink.fate = fate;
    return this.#pusher.pushOne(new AbortController().signal).catch(() => true);
  }

  async #ask(scope: string): Promise<{ batch: FeedBatch; asked: number }> {
    const { held, asked } = await this.site.store.read(async (view) => ({
      held: await siteTables(view)
        .selectFrom("replica_position")
        .select(["handle", "seq", "position"])
        .where("scope", "=", scope)
        .executeTakeFirst(),
      asked: Number((await view.setting("site-node:listening")) ?? 0),
    }));
    return { batch: this.hub.answer(scope, held?.position === "-1" ? undefined : held), asked };
  }

  async hear({ batch, asked }: { batch: FeedBatch; asked: number }): Promise<void> {
    const { site, hub } = this;
    // What the hub says of itself before a whole slice is taken over.
    if (batch.snapshot) await restream(this.#link(), { reason: "epoch", epoch: hub.uplink.epoch });
    const before = await site.store.read(readPhase);
    const taken = await site.hear(batch.scope, 0, batch.changes, { ...batch, asked });
    if (before.is === "recovering") expect(taken.is).toBe("refused");
    if (taken.is !== "applied" || batch.scope !== SITE_SCOPE) return;
    for (const { id } of Object.values(this.hub.body.stamps))
      if (batch.position === `${this.#seq()}_0`) this.held.add(id);
  }

  #seq(): string {
    return this.hub.answer(SITE_SCOPE, undefined).position.split("_")[0] ?? "";
  }

  async take(step: Step): Promise<void> {
    const { site, hub } = this;
    switch (step.do) {
      case "push":
        await this.push(step.fate);
        break;
      case "hear":
        await this.hear(await this.#ask(step.scope));
        break;
      case "ask":
        this.#late = await this.#ask(step.scope);
        break;
      case "hear-late":
        if (this.#late) await this.hear(this.#late);
        this.#late = undefined;
        break;
      case "crash":
        await site.reopen();
        this.#pusher = this.#newPusher();
        this.#late = undefined;
        break;
      case "backup":
        hub.backup();
        break;
      case "restore":
        hub.restore();
        break;
      case "hub-write": {
        const over = hub.body.stamps[step.field]?.id ?? "";
        this.#over.set(hub.write(step.field), over);
        break;
      }
      case "edit": {
        const edit = { id: HOST, field: step.field, value: "ours", actor: "operator:a" };
        const over = (await site.get(Host, HOST))?.stamps[step.field]?.id ?? "";
        const id = await site.write((transaction) => site.intents.edit(transaction, OF, Host, edit));
        this.held.add(id);
        this.#over.set(id, over);
      }
    }
  }

  /** Writes that were held and that the hub neither knows nor has something newer of, made over them. */
  lost(): string[] {
    const covered = new Set(this.hub.known);
    for (let id of this.hub.known) {
      for (let over = this.#over.get(id); over !== undefined && !covered.has(over); over = this.#over.get(id)) {
        covered.add(over);
        id = over;
      }
    }
    return [...this.held].filter((id) => !covered.has(id));
  }

  async heal(): Promise<void> {
    for (let round = 0; round < 6; round += 1) {
      for (let tries = 0; await this.push("arrives"); tries += 1) if (tries > 50) throw new Error("never drained");
      for (const scope of SCOPES) await this.hear(await this.#ask(scope));
    }
  }
}

test("whatever a hub forgets, it is told first, and nothing that its site held is lost (rules 1, 2, 7, 20)", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (told) => {
      await using site = await TestSite.open();
      const story = new Story(site);
      await story.heal();
      for (const step of told) await story.take(step);
      await story.heal();

      expect(await site.store.read(mayActuate)).toBe(true);
      expect(story.lost()).toEqual([]);
      const shown = await site.get(Host, HOST);
      expect(shown?.stamps).toEqual(story.hub.body.stamps);
      expect(shown?.fields).toMatchObject(story.hub.body.fields);
      const left = await site.store.read((view) => siteTables(view).selectFrom("local_intent").selectAll().execute());
      expect(left).toEqual([]);
      // Each push is whole: its end says how many rows went before, in this stream and in this life of the hub.
      for (const epoch of story.hub.lives.slice(1)) {
        const entries = story.hub.uplink.batches
          .filter(({ stream }) => stream.epoch === epoch)
          .flatMap((batch) => batch.entries as { type: string; rows?: number }[]);
        const end = entries.findIndex(({ type }) => type === "recovered");
        if (end < 0) continue;
        expect(entries[end]?.rows).toBe(end);
        expect(entries.slice(0, end).every(({ type }) => type === "replica-row" || type === "let-go")).toBe(true);
      }
    }),
    { numRuns: 20, endOnFailure: true, seed: 1 },
  );
}, 120_000);
