import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { holdfast, Program, waitFor } from "./program.ts";

const PROJECT = "/v1/projects/default";

/** A hub and perhaps a site-node, each a process on a home of its own. */
class Fleet {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-fleet-"));
  readonly home = join(this.folder, "hub");
  #hub: Program | undefined;
  #url = "";
  #siteUrl = "";

  constructor() {
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** Answers when the hub does; on the same port each time, for sites know it by its address. */
  async startHub(): Promise<Program> {
    const port = this.#url === "" ? "0" : new URL(this.#url).port;
    const hub = new Program("hub", "--home", this.home, "--hub-port", port);
    this.#hub = hub;
    await waitFor("the hub answers", () => (hub.output.includes("the hub answers") ? true : undefined));
    this.#url = readFileSync(join(this.home, "hub-url"), "utf8").trim();
    return hub;
  }

  async endHub(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#hub?.end(signal);
  }

  /** A site of the project with a site-node that follows the hub. Answers its id. */
  async startSite(): Promise<string> {
    const region = await this.ask("POST", `${PROJECT}/regions`, { name: "north" });
    const site = await this.ask("POST", `${PROJECT}/sites`, { name: "oslo", regionId: region.resourceId });
    const id: string = site.resourceId;
    const { token } = await this.ask("POST", `${PROJECT}/sites/${id}/tokens`, {});
    writeFileSync(join(this.folder, "site-token"), token, { mode: 0o600 });
    const home = join(this.folder, "site");
    new Program(
      ...["site", "--home", home, "--hub-url", this.#url, "--site-id", id, "--site-port", "0", "--mqtt-port", "0"],
      ...["--token-file", join(this.folder, "site-token")],
    );
    this.#siteUrl = await waitFor("the site-node answers", () => readFileSync(join(home, "site-url"), "utf8").trim());
    return id;
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON the API answers with
  async ask(method: string, path: string, body?: object): Promise<any> {
    const token = readFileSync(join(this.home, "operator-token"), "utf8").trim();
    const headers = { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) };
    const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
    const answer = await fetch(`${this.#url}${path}`, init);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async hosts(): Promise<string[]> {
    const { hosts } = await this.ask("GET", `${PROJECT}/compute/hosts`);
    return hosts.map(({ name }: { name: string }) => name).sort();
  }

  async siteStatus(): Promise<{ readonly fingerprint: string; readonly hosts: { readonly held: number } }> {
    const status = await (await fetch(`${this.#siteUrl}/v1/status`)).json();
    return status as { fingerprint: string; hosts: { held: number } };
  }

  siteHolds(count: number): Promise<true> {
    return waitFor(`the site holds ${count} hosts`, async () =>
      (await this.siteStatus()).hosts.held === count ? true : undefined,
    );
  }

  /** A command on the hub's home. */
  run(...words: readonly string[]): Promise<string> {
    return holdfast("hub", ...words, "--home", this.home);
  }
}

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
    (await fleet.hosts()).join() === "before,since" ? true : undefined,
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
    (await fleet.hosts()).join() === "before,since" ? true : undefined,
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
  expect(one).toContain("usage: holdfast hub recover accept SITE-ID FINGERPRINT [options]");
});
