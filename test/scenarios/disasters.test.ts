import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { administer } from "@holdfast/hub/administer";
import { expect, test } from "vitest";
import { agree, wanted } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import type { Json } from "../world/request.ts";
import { createWorld, type World } from "../world/world.ts";

const PROJECT = "/v1/projects/default";
const HOSTS = `${PROJECT}/compute/hosts`;

async function world1() {
  const world = await createWorld({ sites: ["oslo"] });
  const folder = mkdtempSync(`${tmpdir()}/holdfast-backup-`);
  const running = await world.runningMachine({ site: "oslo" });
  await agree(world, "oslo");
  const before = await wanted(world, "oslo", running.id);
  return {
    ...{ world, ...running, site: world.site("oslo"), folder },
    /** Hub and site want of the host what they wanted in the beginning but for these fields. */
    becomes: async (changes: Readonly<Record<string, unknown>>): Promise<void> =>
      expect(await wanted(world, "oslo", running.id)).toEqual({ ...before, ...changes }),
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

function hubCommand(world: World, name: string, ...given: readonly string[]): Promise<string> {
  return administer(name, { arguments: [...given, "--home", world.hub.home], environment: {} });
}

async function rename(world: World, id: string, name: string): Promise<void> {
  await world.hub.ask("PATCH", `${HOSTS}/${id}`, { name });
}

/** Commands that interrupt machines wait for an operator's word, and then go on. */
async function heldUntilReleased(
  world: World,
  reason: string,
  id: string,
  resets: () => readonly string[],
): Promise<void> {
  const site = world.site("oslo").id;
  const { holds } = await world.hub.ask("GET", `${PROJECT}/holds`);
  expect(holds).toEqual([expect.objectContaining({ siteId: site, reason })]);
  const before = resets().length;
  const command = await world.hub.ask("POST", `${HOSTS}/${id}/commands`, { command: "reset" });
  await agree(world, "oslo");
  expect(resets()).toHaveLength(before);
  await world.hub.ask("DELETE", `${PROJECT}/sites/${site}/hold`);
  await eventually(async () => {
    await world.clock.advance(1_000);
    expect(await world.hub.ask("GET", `${HOSTS}/${id}/commands/${command.id}`)).toMatchObject({ status: "done" });
  });
  expect(resets()).toHaveLength(before + 1);
}

test("a hub restored from a backup gets back from its sites what it had acknowledged since (rules 20, 21)", async () => {
  await using it = await world1();
  const { world, site, id, machine } = it;
  await rename(world, id, "in-the-backup");
  const region = await world.hub.ask("POST", `${PROJECT}/regions`, { name: "in the backup" });
  await agree(world, "oslo");
  await hubCommand(world, "backup", `${it.folder}/hub.backup`);

  await rename(world, id, "after-the-backup");
  const since = await world.hub.ask("POST", `${PROJECT}/regions`, { name: "after the backup" });
  const later = await world.runningMachine({ site: "oslo", tree: "synthetic-arm-board" });
  const made = await site.ask("POST", `${HOSTS}/register`, { name: "made-at-site", serialNumber: "SN0000123" });
  await agree(world, "oslo");
  await world.hub.stop();
  await hubCommand(world, "restore", `${it.folder}/hub.backup`);
  await world.hub.start();
  await agree(world, "oslo");

  await it.becomes({ name: "after-the-backup" });
  expect(await world.hub.host("default", id)).toMatchObject({ name: "after-the-backup", hostStatus: "Running" });
  expect(await world.hub.host("default", later.id)).toMatchObject({ hostStatus: "Running" });
  expect(await world.hub.host("default", made.resourceId)).toMatchObject({ name: "made-at-site" });
  expect(await world.hub.ask("GET", `${PROJECT}/regions/${region.resourceId}`)).toMatchObject({
    name: "in the backup",
  });
  expect(await world.hub.ask("GET", `${PROJECT}/regions/${since.resourceId}`)).toMatchObject({
    name: "after the backup",
  });
  expect(await world.hub.conflicts()).toEqual([]);
  expect(machine.isOn && later.machine.isOn).toBe(true);
  // Ids that were lent and forgotten are not lent again.
  const another = await site.ask("POST", `${HOSTS}/register`, { name: "another", serialNumber: "SN0000124" });
  expect([id, later.id, made.resourceId]).not.toContain(another.resourceId);
  await agree(world, "oslo");
  await heldUntilReleased(world, "hub-restored", id, () => machine.switched);
});

test("what was deleted after the backup stays deleted after the restore, and what was written on both sides of it is a conflict (rule 20)", async () => {
  await using it = await world1();
  const { world, id } = it;
  const doomed = await world.runningMachine({ site: "oslo", tree: "synthetic-arm-board" });
  await agree(world, "oslo");
  await hubCommand(world, "backup", `${it.folder}/hub.backup`);
  await world.hub.ask("DELETE", `${HOSTS}/${doomed.id}`);
  await rename(world, id, "before-the-restore");
  await eventually(async () => expect((await world.hub.request("GET", `${HOSTS}/${doomed.id}`)).status).toBe(404));
  await agree(world, "oslo");
  world.wan("oslo").cut();
  await world.hub.stop();
  await hubCommand(world, "restore", `${it.folder}/hub.backup`);
  await world.hub.start();
  await rename(world, id, "after-the-restore");
  world.wan("oslo").restore();
  await agree(world, "oslo");
  expect((await world.hub.request("GET", `${HOSTS}/${doomed.id}`)).status).toBe(404);
  expect(await world.hub.host("default", id)).toMatchObject({ name: "after-the-restore" });
  const [conflict] = await world.hub.conflicts();
  expect(conflict).toMatchObject({ resourceId: id, field: "name" });
  expect(conflict.values.map(({ value }: Json) => value)).toContain("before-the-restore");
  await it.becomes({ name: "after-the-restore" });
});

test("a hub that is rolled back behind everybody's back is found out by its sites, and regresses none of them (rule 7)", async () => {
  await using it = await world1();
  const { world, id, machine } = it;
  const snapshot = await world.hub.snapshot();
  await agree(world, "oslo");
  await rename(world, id, "after-the-snapshot");
  const later = await world.runningMachine({ site: "oslo", tree: "synthetic-arm-board" });
  await agree(world, "oslo");
  const epoch = world.hub.running.authority.epoch();
  await world.hub.rollBackTo(snapshot);
  await eventually(async () => {
    await world.clock.advance(5_000);
    expect(world.hub.running.authority.epoch()).not.toBe(epoch);
  });
  await agree(world, "oslo");
  expect(await world.hub.host("default", id)).toMatchObject({ name: "after-the-snapshot" });
  expect(await world.hub.host("default", later.id)).toMatchObject({ hostStatus: "Running" });
  await it.becomes({ name: "after-the-snapshot" });
  await heldUntilReleased(world, "hub-rolled-back", id, () => machine.switched);
});

test("a hub that is put back to before a life that its sites have known is found out too, and what was wanted in that life is told (rules 7, 20)", async () => {
  await using it = await world1();
  const { world, id } = it;
  const lives = [world.hub.running.authority.epoch()];
  const another = () =>
    eventually(async () => {
      await world.clock.advance(5_000);
      const epoch = world.hub.running.authority.epoch();
      expect(lives).not.toContain(epoch);
      lives.push(epoch);
    });
  const snapshot = await world.hub.snapshot();
  await agree(world, "oslo");
  await rename(world, id, "after-the-snapshot");
  await agree(world, "oslo");
  await world.hub.rollBackTo(snapshot);
  await another();
  await agree(world, "oslo");
  await rename(world, id, "in-the-second-life");
  const later = await world.runningMachine({ site: "oslo", tree: "synthetic-arm-board" });
  await agree(world, "oslo");
  await world.hub.rollBackTo(snapshot);
  await another();
  await agree(world, "oslo");
  expect(await world.hub.host("default", later.id)).toMatchObject({ hostStatus: "Running" });
  const [conflict] = await world.hub.conflicts();
  expect(conflict).toMatchObject({ resourceId: id, field: "name" });
  expect(conflict.values.map(({ value }: Json) => value)).toContain("in-the-second-life");
  const { holds } = await world.hub.ask("GET", `${PROJECT}/holds`);
  expect(holds).toMatchObject([{ reason: "hub-rolled-back" }]);
});

test("a site whose disk is lost has its machines back without enrolling them anew, and nothing that the hub had is lost (rules 7, 21)", async () => {
  await using it = await world1();
  const { world, site, id, machine } = it;
  await site.ask("PATCH", `${HOSTS}/${id}`, { name: "named-at-the-site" });
  await agree(world, "oslo");
  const before = await world.hub.host("default", id);
  world.wan("oslo").cut();
  await site.ask("PATCH", `${HOSTS}/${id}`, { metadata: [{ key: "never", value: "sent" }] });
  expect((await site.status()).unsent.entries).toBeGreaterThan(0);
  await site.loseDisk();
  world.wan("oslo").restore();
  await agree(world, "oslo");
  const after = await eventually(async () => {
    await world.clock.advance(2_000);
    const host = await world.hub.host("default", id);
    expect(host.hostStatus).toBe("Running");
    return host;
  });
  await it.becomes({ name: "named-at-the-site" });
  expect(after).toMatchObject({ metadata: [], memoryBytes: before.memoryBytes });
  expect(after.hostStorages).toEqual(before.hostStorages);
  expect(machine.hostId).toBe(id);
  await heldUntilReleased(world, "site-disk-lost", id, () => machine.switched);
});

test("while a site with a new disk has not seen its machines, the hub keeps what it knew of their hardware", async () => {
  await using it = await world1();
  const { world, site, id, machine } = it;
  const before = await world.hub.host("default", id);
  await machine.shutDown();
  await agree(world, "oslo");
  await site.loseDisk();
  await agree(world, "oslo");
  const after = await world.hub.host("default", id);
  expect(after).toMatchObject({ memoryBytes: before.memoryBytes, cpuModel: before.cpuModel });
  expect(after.hostStorages).toEqual(before.hostStorages);
  expect(after.hostStatus).not.toBe("Running");
});

test("a site whose disk is put back to an earlier state is noticed, and goes on from what the hub has (rules 7, 16)", async () => {
  await using it = await world1();
  const { world, site, id } = it;
  const snapshot = await site.snapshot();
  await agree(world, "oslo");
  await site.ask("PATCH", `${HOSTS}/${id}`, { name: "after-the-snapshot" });
  const made = await site.ask("POST", `${HOSTS}/register`, { name: "made-after", serialNumber: "SN0000200" });
  await agree(world, "oslo");
  world.wan("oslo").cut();
  await site.rollBackTo(snapshot);
  // It hands out the same lent id once more, for another machine.
  const twin = await site.ask("POST", `${HOSTS}/register`, { name: "made-again", serialNumber: "SN0000201" });
  world.wan("oslo").restore();
  await agree(world, "oslo");
  await it.becomes({ name: "after-the-snapshot" });
  expect(await world.hub.host("default", made.resourceId)).toMatchObject({ name: "made-after" });
  const { holds } = await world.hub.ask("GET", `${PROJECT}/holds`);
  expect(holds).toEqual([expect.objectContaining({ siteId: site.id })]);
  const names = (await world.hub.hosts("default")).map(({ name }: Json) => name);
  const conflicts = await world.hub.conflicts();
  // Neither creation is lost: it is there, or it is asked about.
  expect(names.includes("made-again") || conflicts.some((each: Json) => each.resourceId === twin.resourceId)).toBe(
    true,
  );
});

test("a hub that lost its disk is rebuilt from its sites, each accepted by its fingerprint (rule 20)", async () => {
  await using it = await world1();
  const { world, site, id } = it;
  await rename(world, id, "known-to-the-site");
  const operator = world.hub.token;
  await agree(world, "oslo");
  await world.hub.loseDisk();
  await hubCommand(world, "recover", "--from-sites");
  await world.hub.start();
  const fingerprint = await eventually(async () => {
    await world.clock.advance(5_000);
    const listed = await hubCommand(world, "recover list");
    expect(listed).toContain(site.id);
    return (await site.status()).fingerprint as string;
  });
  expect(await hubCommand(world, "recover list")).toContain(fingerprint);
  await expect(hubCommand(world, "recover accept", site.id, "0000-0000-0000-0000-0000")).rejects.toThrow(
    /fingerprint/i,
  );
  await hubCommand(world, "recover accept", site.id, fingerprint);
  await agree(world, "oslo");
  const status = await hubCommand(world, "recover status");
  expect(status).toMatch(/host/);
  expect(status).toMatch(/cannot come back/i);
  // Operators' tokens came back with the site: their hashes ride the feed. A site could have made one, so each is confirmed.
  const asked = () => world.hub.request("GET", `${HOSTS}/${id}`, undefined, operator);
  expect(await asked()).toMatchObject({ status: 401, body: { message: expect.stringContaining("token confirm") } });
  expect((await site.request("GET", `${HOSTS}/${id}`, undefined, { token: operator })).status).toBe(200);
  expect(status).toMatch(/wait for your confirmation .*: 1: token-/);
  expect(await hubCommand(world, "token list")).toMatch(/first.*waits for confirmation/);
  await hubCommand(world, "token confirm", "--all");
  const host = await asked();
  expect(host).toMatchObject({ status: 200, body: { name: "known-to-the-site", hostStatus: "Running" } });
});
