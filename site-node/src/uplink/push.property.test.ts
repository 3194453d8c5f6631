import { Host } from "@holdfast/protocol/kinds/host";
import { silentLog, systemClock } from "@holdfast/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { observe } from "../hosts/observe.ts";
import { type Fate, ModelHub } from "../testing/model-hub.ts";
import { hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { HubLink } from "./hub-link.ts";
import { Pusher } from "./push.ts";

const HOST = "host-00000001";

type Step = { readonly do: "event" | "edit" | "observe" | "crash" } | { readonly do: "push"; readonly fate: Fate };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.constantFrom<Step>({ do: "event" }, { do: "edit" }, { do: "observe" }, { do: "crash" }),
    fc
      .constantFrom<Fate>("arrives", "request-lost", "reply-lost", "comes-twice", "stalls-at-hub")
      .map((fate): Step => ({ do: "push", fate })),
  ),
  { maxLength: 25 },
);

/** A site, its half of the link, and all it ever wanted said. */
class Story {
  readonly site: TestSite;
  readonly hub = new ModelHub();
  readonly events: string[] = [];
  readonly edits: string[] = [];
  readonly observed: string[] = [];
  #pusher: Pusher;

  constructor(site: TestSite) {
    this.site = site;
    this.#pusher = this.#newPusher();
  }

  static async begin(): Promise<Story> {
    const site = await TestSite.open();
    await site.feed(TENANT_SCOPE, 1, [siteRow()]);
    await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
    return new Story(site);
  }

  #newPusher(): Pusher {
    const { site, hub } = this;
    const link = new HubLink({
      hubUrl: "http://hub",
      token: "token-of-the-site",
      fetch: hub.fetch,
      clock: systemClock,
    });
    const { store, outbox } = site;
    return new Pusher({ store, outbox, link, site: SITE, tenant: TENANT, clock: systemClock, log: silentLog });
  }

  async push(fate: Fate): Promise<boolean> {
    this.hub.fate = fate;
    try {
      return await this.#pusher.pushOne(new AbortController().signal);
    } catch {
      return true;
    }
  }

  async drain(): Promise<void> {
    for (let tries = 0; await this.push("arrives"); tries += 1) if (tries > 50) throw new Error("never drained");
  }

  async take(step: Step): Promise<void> {
    const { site } = this;
    if (step.do === "push") await this.push(step.fate);
    if (step.do === "crash") {
      await site.reopen();
      this.#pusher = this.#newPusher();
    }
    if (step.do === "event") {
      const name = `event-${this.events.length}`;
      this.events.push(name);
      await site.write((transaction) => site.outbox.event(transaction, { kind: "host", subject: HOST, event: name }));
    }
    if (step.do === "edit") {
      const name = `name-${this.edits.length}`;
      this.edits.push(name);
      const edit = { id: HOST, field: "name", value: name, actor: "operator:a" };
      await site.write((transaction) => site.intents.edit(transaction, OF, Host, edit));
    }
    if (step.do === "observe") {
      const model = `model-${this.observed.length}`;
      this.observed.push(model);
      const context = { outbox: site.outbox, of: OF, now: 5 };
      await site.write((transaction) =>
        observe(transaction, context, { id: HOST, seen: { fields: { cpuModel: model } } }),
      );
    }
  }

  heard() {
    const { applied } = this.hub;
    return {
      events: applied.flatMap((entry) =>
        entry.type === "event" && entry.event.startsWith("event-") ? [entry.event] : [],
      ),
      edits: applied.flatMap((entry) => (entry.type === "edit" ? [String(entry.value)] : [])),
      states: applied.flatMap((entry) => (entry.type === "state" ? [entry.fields.cpuModel] : [])),
    };
  }
}

test("whatever is cut, lost, doubled or crashed, the hub hears everything exactly once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (told) => {
      const story = await Story.begin();
      await using _site = story.site;
      for (const step of told) await story.take(step);
      await story.drain();
      const heard = story.heard();
      expect(heard.events).toEqual(story.events);
      expect(heard.edits).toEqual(story.edits);
      expect(heard.states.at(-1)).toBe(story.observed.at(-1));
      // States coalesce: never more of them than there was to see, and never an older one after a newer.
      const order = heard.states.map((model) => story.observed.indexOf(String(model)));
      expect(order).toEqual(order.toSorted((a, b) => a - b));
    }),
    { numRuns: 40, endOnFailure: true, seed: 1 },
  );
}, 60_000);

test("a hub that begins a new epoch with less than it had hears every intent again, and every machine's state", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(10), steps, async (before, remembered, after) => {
      const story = await Story.begin();
      await using _site = story.site;
      await story.take({ do: "observe" });
      for (const step of before) await story.take(step);
      story.hub.beginEpoch("epoch-2", Math.min(remembered, story.hub.applied.length));
      const forgotten = story.hub.applied.length;
      for (const step of [...after, { do: "event" as const }]) await story.take(step);
      await story.drain();
      const { applied } = story.hub;
      const states = applied.slice(forgotten).filter((entry) => entry.type === "state");
      expect(states.at(-1)?.fields.cpuModel).toBe(story.observed.at(-1));
      expect(story.heard().edits).toEqual(story.edits);
      expect(new Set(story.heard().events)).toEqual(new Set([...story.heard().events, ...story.events.slice(-1)]));
    }),
    { numRuns: 25, endOnFailure: true, seed: 1 },
  );
}, 60_000);
