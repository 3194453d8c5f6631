import { HUB_ROLES, ORGANISATION_ROLES } from "@holdfast/inventory/api/roles";
import { fullResources } from "@holdfast/inventory/store/conformance/fixture";
import { beforeAll, expect, test } from "vitest";
import { OURS, ROLES, startTwoProjects, THEIRS, type TwoProjects } from "./isolation-under-test.ts";

/** Round of what is made in the other project while everything is watched. */
const MEANWHILE = 9;

/** How many lists of the other project are watched at once: one token holds no more open than a few. */
const SOME = 20;

let two: TwoProjects;
beforeAll(async () => {
  two = await startTwoProjects();
  return () => two[Symbol.asyncDispose]();
});

const lists = () => two.operations.filter(({ isWatched }) => isWatched);

/** Writes each resource of the round once more, so that whoever watches it is told. */
async function touch(tenant: string, round: number): Promise<void> {
  await two.hub.hub.store.write(async (tx) => {
    for (const { kind, full } of fullResources(round)) {
      const found = await tx.get(kind, tenant, full.resourceId);
      if (found)
        await tx.replace(kind, { ...found, updatedAt: found.updatedAt + 60_000, generation: found.generation + 1 });
    }
  });
}

test("who watches a list hears of nothing that happens in another project", async () => {
  expect(lists().length).toBeGreaterThan(40);
  // Somebody watches the other project, too: what is read for one must not be told to both.
  const theirs = await Promise.all(
    lists()
      .slice(0, SOME)
      .map((operation) => two.watch(operation, { as: "hub-admin", project: "other", round: THEIRS })),
  );
  for (const watcher of theirs) await watcher.until("event: bookmark");
  const watchers = await Promise.all(
    lists().map(async (operation, at) => {
      // Each by another role: a token may hold only so many open.
      const as = ROLES[at % ROLES.length] ?? "im-r";
      return { operation, watcher: await two.watch(operation, { as, project: "own", round: OURS }) };
    }),
  );
  for (const { operation, watcher } of watchers) {
    expect([operation.id, watcher.status]).toEqual([operation.id, 200]);
    await watcher.until("event: bookmark");
  }
  await two.fill(two.tenants.other, MEANWHILE);
  await touch(two.tenants.other, THEIRS);
  await touch(two.tenants.own, OURS);
  const marks = [THEIRS, MEANWHILE].flatMap((round) => [`-0000000${round}`, `thing ${round}`]);
  for (const { operation, watcher } of watchers) {
    const told = await watcher.until("event: updated");
    const leaked = [...marks, two.tenants.other].filter((mark) => told.includes(mark));
    expect([operation.id, leaked]).toEqual([operation.id, []]);
    await watcher[Symbol.asyncDispose]();
  }
  for (const watcher of theirs) {
    expect(await watcher.until("event: updated")).toContain(`-0000000${THEIRS}`);
    await watcher[Symbol.asyncDispose]();
  }
});

test("a list of another project cannot be watched, by no role, as one of a project that is not there", async () => {
  const strangers = ["site", "nobody", ...[...HUB_ROLES, ...ORGANISATION_ROLES].filter((role) => role !== "hub-admin")];
  const expected: Readonly<Record<string, number>> = { nobody: 401, site: 403 };
  const wrong: string[] = [];
  for (const [at, operation] of lists().entries()) {
    const stranger = strangers[at % strangers.length] ?? "nobody";
    for (const as of [...ROLES, stranger]) {
      // One that is not there is asked for once: it is answered alike.
      for (const project of as === stranger ? ["other", "nobodys"] : ["other"]) {
        await using watcher = await two.watch(operation, { as, project, round: THEIRS });
        if (watcher.status !== (expected[as] ?? 404)) wrong.push(`${as} ${project} ${operation.id}: ${watcher.status}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});
