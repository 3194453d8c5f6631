import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Fleet, PROJECT } from "./fleet.ts";
import { holdfast, waitFor } from "./program.ts";

test("a hub is backed up while it runs, restored, and recovered from its site once its disk is lost", async () => {
  const fleet = new Fleet();
  await fleet.startHub();
  const site = await fleet.startSite();
  await fleet.ask("POST", `${PROJECT}/compute/hosts`, { name: "before", siteId: site });
  await fleet.siteHolds(1);

  const backup = join(fleet.folder, "hub.backup");
  expect(await fleet.run("backup", backup)).toMatch(/project 1, .*site 1, .*host 1/);
  await fleet.ask("POST", `${PROJECT}/compute/hosts`, { name: "since", siteId: site });
  await fleet.siteHolds(2);
  await expect(fleet.run("restore", backup)).rejects.toMatchObject({ stderr: expect.stringContaining("in use") });

  await fleet.endHub();
  expect(await fleet.run("restore", backup)).toContain("What happens next");
  expect(readdirSync(fleet.home).some((name) => name.startsWith("hub.db.before-restore-"))).toBe(true);
  await fleet.startHub();
  await waitFor("the site gives back what was made since the backup", async () =>
    (await fleet.hostNames()).join() === "before,since" ? true : undefined,
  );
  expect((await fleet.ask("GET", `${PROJECT}/holds`)).holds).toMatchObject([{ siteId: site, reason: "hub-restored" }]);

  await fleet.endHub("SIGKILL");
  rmSync(fleet.home, { recursive: true });
  expect(await fleet.run("recover", "--from-sites")).toContain("What cannot come back");
  await fleet.startHub();
  const fingerprint = await waitFor("the site makes its claim", async () =>
    new RegExp(`${site}  (\\S+)  waits`).exec(await fleet.run("recover", "list"))?.at(1),
  );
  expect(fingerprint).toBe((await fleet.siteStatus()).fingerprint);
  await expect(fleet.run("recover", "accept", site, "0000-0000-0000-0000-0000")).rejects.toMatchObject({
    stderr: expect.stringContaining(fingerprint),
  });
  await fleet.run("recover", "accept", site, fingerprint);
  await waitFor("the site tells the hub what it holds", async () =>
    (await fleet.hostNames()).join() === "before,since" ? true : undefined,
  );
  expect((await fleet.ask("GET", `${PROJECT}/holds`)).holds).toMatchObject([{ siteId: site, reason: "hub-recovered" }]);
  await waitFor("it has told all", async () => {
    const status = await fleet.run("recover", "status");
    return status.includes("has told all that it holds") ? status : undefined;
  });
  expect(await fleet.run("recover", "finish")).toContain("as any other");
  await fleet.ask("POST", `${PROJECT}/compute/hosts`, { name: "after", siteId: site });
  await fleet.siteHolds(3);
});

test("a hub that is killed while it is written to has lost nothing, and one whose disk is put back knows it", async () => {
  const fleet = new Fleet();
  const epochNow = async () =>
    /epoch +(\S+)/.exec(await fleet.run("backup", join(fleet.folder, "b"), "--force"))?.at(1);
  await fleet.startHub();
  const epoch = await epochNow();
  for (let count = 0; count < 20; count += 1)
    await fleet.ask("POST", `${PROJECT}/regions`, { name: `region ${count}` });
  await fleet.endHub("SIGKILL");
  await fleet.startHub();
  expect(await epochNow()).toBe(epoch);

  await fleet.endHub();
  const snapshot = join(fleet.folder, "snapshot.db");
  cpSync(join(fleet.home, "hub.db"), snapshot);
  await fleet.startHub();
  await fleet.ask("POST", `${PROJECT}/regions`, { name: "after the snapshot" });
  await fleet.endHub();
  cpSync(snapshot, join(fleet.home, "hub.db"));
  const hub = await fleet.startHub();
  expect(hub.output).toContain("the database is older than this hub has been");
  expect(await epochNow()).not.toBe(epoch);

  await fleet.endHub();
  expect(await fleet.run("new-epoch")).toContain("epoch is now");
});

test("the commands are listed, and each says what it is told", async () => {
  const [all, one] = await Promise.all([holdfast("hub", "--help"), holdfast("hub", "recover", "accept", "--help")]);
  for (const command of ["backup", "restore", "new-epoch", "recover status"]) expect(all).toContain(`  ${command} `);
  expect(all).toMatch(/^ {2}user set-password +Gives /m);
  expect(one).toContain("usage: holdfast hub recover accept SITE-ID FINGERPRINT [options]");
});
