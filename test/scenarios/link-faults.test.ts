import { hours, minutes } from "@holdfast/runtime";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { agree } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import type { Json } from "../world/request.ts";
import { createWorld, type World } from "../world/world.ts";

const PROJECT = "/v1/projects/default";
const HOSTS = `${PROJECT}/compute/hosts`;

async function oneMachine() {
  const world = await createWorld({ sites: ["oslo"] });
  const running = await world.runningMachine({ site: "oslo" });
  await agree(world, "oslo");
  return { world, site: world.site("oslo"), ...running, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

/** Rows of the site's outbox, as they lie on its disk. */
async function outbox(world: World): Promise<readonly { number: number; sealed: number; body: string | null }[]> {
  const { store } = world.site("oslo").node;
  return store.read((view) =>
    view
      .tables<{ outbox: { number: number; sealed: number; body: string | null } }>()
      .selectFrom("outbox")
      .selectAll()
      .execute(),
  );
}

test("what a link holds back while it is stalled, twice at that, comes through when it is back", async () => {
  await using it = await oneMachine();
  const { world, site, id } = it;
  world.wan("oslo").stall();
  await world.hub.ask("PATCH", `${HOSTS}/${id}`, { name: "held-back" });
  await world.clock.advance(1_000);
  world.wan("oslo").stall();
  world.wan("oslo").restore();
  await eventually(async () => expect((await site.host(id)).name).toBe("held-back"));
});

test("a site whose connections died without a word to anybody asks again, and hears its hub within minutes", async () => {
  await using it = await oneMachine();
  const { world, site, id } = it;
  world.wan("oslo").strand();
  await world.hub.ask("PATCH", `${HOSTS}/${id}`, { name: "unheard" });
  await world.clock.advance(minutes(1));
  expect((await site.host(id)).name).not.toBe("unheard");
  await world.clock.advance(minutes(2));
  await eventually(async () => expect((await site.host(id)).name).toBe("unheard"));
});

test("a poison entry is set aside and shown, and what comes after it goes on (rule 9)", async () => {
  await using it = await oneMachine();
  const { world, site, id } = it;
  world.wan("oslo").cut();
  // As a faulty version of the site-node would write it: of a kind that nobody knows.
  await site.node.store.write(async (transaction: Json) => {
    const body = JSON.stringify({ type: "event", id: "e", kind: 7, subject: "s", event: "poison", at: 1 });
    await transaction
      .tables()
      .insertInto("outbox")
      .values({ lane: 0, key: null, body, sealed: 0, added_at: 1 })
      .execute();
  });
  await site.ask("PATCH", `${HOSTS}/${id}`, { name: "behind-the-poison" });
  world.wan("oslo").restore();
  await agree(world, "oslo");
  expect((await world.hub.host("default", id)).name).toBe("behind-the-poison");
  const { entries } = await world.hub.ask("GET", `${PROJECT}/sites/${site.id}/quarantine`);
  expect(entries).toEqual([expect.objectContaining({ reason: expect.stringMatching(/kind/) })]);
});

test("a site that restarts between sealing a batch and its acknowledgement sends the same batch, and it counts once (rule 7)", async () => {
  await using it = await oneMachine();
  const { world, site, id } = it;
  // The hub applies it, and the site never hears so.
  world.wan("oslo").loseAnswers(1_000);
  await site.ask("PATCH", `${HOSTS}/${id}`, { name: "sealed" });
  await eventually(async () => expect((await world.hub.host("default", id)).name).toBe("sealed"));
  const sealed = (await outbox(world)).filter((row) => row.sealed === 1);
  expect(sealed.length).toBeGreaterThan(0);
  const generation = (await world.hub.host("default", id)).generation;
  await site.restart();
  world.wan("oslo").loseAnswers(0);
  await agree(world, "oslo");
  expect(await world.hub.host("default", id)).toMatchObject({ name: "sealed", generation });
  expect(await world.hub.conflicts()).toEqual([]);
});

test("a site that restarts after an acknowledgement and before its replica shows the outcome goes on showing what it wanted (rule 2)", async () => {
  await using it = await oneMachine();
  const { world, site, id } = it;
  world.wan("oslo").loseFeed();
  await site.ask("PATCH", `${HOSTS}/${id}`, { name: "acknowledged" });
  await eventually(async () => {
    const [intent] = await intentsOf(world);
    expect(intent?.outcome).toBe("applied");
  });
  expect((await site.host(id)).name).toBe("acknowledged");
  await site.restart();
  expect((await site.host(id)).name).toBe("acknowledged");
  expect(await intentsOf(world)).toHaveLength(1);
  world.wan("oslo").restore();
  await agree(world, "oslo");
  expect(await intentsOf(world)).toEqual([]);
  expect((await site.host(id)).name).toBe("acknowledged");
});

async function intentsOf(world: World): Promise<readonly { outcome: string | null }[]> {
  const { store } = world.site("oslo").node;
  return store.read((view) =>
    view.tables<{ local_intent: { outcome: string | null } }>().selectFrom("local_intent").select("outcome").execute(),
  );
}

test("a full disk at the site is said, loses nothing that was acknowledged, and is over when there is room", async () => {
  await using it = await oneMachine();
  const { world, site, id } = it;
  world.wan("oslo").cut();
  await site.ask("PATCH", `${HOSTS}/${id}`, { name: "before-it-was-full" });
  await limitPages(world, 1);
  // What has been freed inside the file is used up first.
  let refused = 200;
  for (let round = 0; refused === 200 && round < 100; round += 1) {
    refused = (await site.request("PATCH", `${HOSTS}/${id}`, { metadata: bulky(round) })).status;
  }
  expect(refused).toBeGreaterThanOrEqual(500);
  expect((await site.status()).disk).toMatchObject({ error: expect.stringMatching(/full/) });
  expect((await site.host(id)).name).toBe("before-it-was-full");
  await limitPages(world, 1_000_000);
  expect((await site.request("PATCH", `${HOSTS}/${id}`, { metadata: bulky(1_000) })).status).toBe(200);
  world.wan("oslo").restore();
  await agree(world, "oslo");
  expect(await world.hub.host("default", id)).toMatchObject({ name: "before-it-was-full", metadata: bulky(1_000) });
});

function bulky(round: number) {
  return Array.from({ length: 40 }, (_, at) => ({ key: `k${at}`, value: `${"v".repeat(40)}${round}` }));
}

async function limitPages(world: World, pages: number): Promise<void> {
  await world.site("oslo").node.store.write(async (transaction) => {
    await sql`pragma max_page_count = ${sql.lit(pages)}`.execute(transaction.tables());
  });
}

test("a site that is cut off does not ask for its hub ever more often because its link was back for moments", async () => {
  await using it = await oneMachine();
  const { world, site, id } = it;
  for (const name of ["one", "two", "three"]) {
    site.wan.cut();
    await site.ask("PATCH", `${HOSTS}/${id}`, { name });
    await world.clock.advance(minutes(1));
    site.wan.restore();
    site.wan.loseFeed();
    await eventually(async () => expect((await world.hub.host("default", id)).name).toBe(name));
  }
  site.wan.cut();
  const before = site.wan.asked;
  await world.clock.advance(hours(1));
  // Four that ask, a followed scope each 15 seconds at the latest, and at a random time before that.
  expect(site.wan.asked - before).toBeLessThan(4 * 3 * 240);
});
