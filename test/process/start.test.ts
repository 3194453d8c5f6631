import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { NpmStart } from "./npm-start.ts";

const HOSTS = "/v1/projects/default/compute/hosts";
const folders: string[] = [];
const started: NpmStart[] = [];

afterEach(async () => {
  for (const one of started.splice(0)) await one.stop("SIGTERM");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newHome(): string {
  const home = mkdtempSync(`${tmpdir()}/holdfast-start-`);
  folders.push(home);
  return home;
}

function npmStart(...given: ConstructorParameters<typeof NpmStart>): NpmStart {
  const one = new NpmStart(...given);
  started.push(one);
  return one;
}

test("npm start shows this machine's real hardware, stops cleanly, and finds everything again", async () => {
  const home = newHome();
  const first = npmStart(home);
  await first.runs();

  const { hosts } = await first.ask("GET", HOSTS);
  expect(hosts).toHaveLength(1);
  const meminfo = readFileSync("/proc/meminfo", "utf8").match(/^MemTotal:\s+(\d+) kB/m)?.[1];
  const processors = readFileSync("/proc/cpuinfo", "utf8").match(/^processor/gm)?.length;
  expect(hosts[0]).toMatchObject({
    hostname: hostname(),
    memoryBytes: String(Number(meminfo) * 1024),
    cpuThreads: processors,
    hostStatus: "Running",
  });
  for (const secret of ["operator-token", "hub-url"]) expect(statSync(`${home}/${secret}`).mode & 0o777).toBe(0o600);
  expect(first.output).toContain(first.hubUrl);
  expect(first.output).toContain(first.token);

  await first.ask("PATCH", `${HOSTS}/${hosts[0].resourceId}`, { name: "kept" });
  expect(await first.stop("SIGTERM")).toBe(0);
  await expect(fetch(`${first.hubUrl}/v1/health`)).rejects.toThrow();

  const second = npmStart(home);
  await second.runs();
  const again = await second.ask("GET", HOSTS);
  expect(again.hosts).toHaveLength(1);
  expect(again.hosts[0]).toMatchObject({ resourceId: hosts[0].resourceId, name: "kept" });
  expect((await second.ask("GET", "/v1/projects/default/sites")).sites).toHaveLength(1);
  expect((await second.ask("GET", "/v1/projects/default/regions")).regions).toHaveLength(1);
  expect(await second.stop("SIGINT")).toBe(0);
});

test("the commands that npm start prints work as they are printed, also in a home with spaces", async () => {
  const it = npmStart(join(newHome(), "my home's"));
  await it.runs();
  const commands = it.output.split("\n").filter((line) => line.trim().startsWith("curl "));
  expect(commands).toHaveLength(3);
  for (const command of commands) {
    const answer = JSON.parse(execFileSync("sh", ["-c", command], { encoding: "utf8" }));
    expect(answer).not.toHaveProperty("code");
  }
});

test.each(["hub", "site", "mqtt"])(
  "a taken port of the %s is said in the words of its flag, and nothing is left running",
  async (of) => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as { port: number };
    const ports = ["hub", "site", "mqtt"].flatMap((name) => [`--${name}-port`, name === of ? String(port) : "0"]);
    const it = npmStart(newHome(), ports);
    expect(await it.ends()).toBe(1);
    expect(it.output).toContain(`port ${port} is taken: choose another with --${of}-port`);
    await new Promise((resolve) => taken.close(resolve));
  },
);

test("after a kill -9 the next start ends what was left running, and finds everything again", async () => {
  const home = newHome();
  const first = npmStart(home);
  await first.runs();
  const [before] = (await first.ask("GET", HOSTS)).hosts;
  process.kill(first.launcherPid(), "SIGKILL");
  await first.ends();
  expect((await fetch(`${first.hubUrl}/v1/health`)).status).toBe(200);
  const left = first.hubUrl;

  const second = npmStart(home);
  await second.runs();
  expect(second.output).toContain("ended what an earlier start left running: hub, site, agent");
  await expect(fetch(`${left}/v1/health`)).rejects.toThrow();
  const { hosts } = await second.ask("GET", HOSTS);
  expect(hosts.map(({ resourceId }: { resourceId: string }) => resourceId)).toEqual([before.resourceId]);
});

test("a closed terminal ends everything", async () => {
  const it = npmStart(newHome());
  await it.runs();
  process.kill(it.launcherPid(), "SIGHUP");
  await it.ends();
  await expect(fetch(`${it.hubUrl}/v1/health`)).rejects.toThrow();
});

test("a second start on a home that is in use is refused and harms nothing", async () => {
  const home = newHome();
  const first = npmStart(home);
  await first.runs();
  const second = npmStart(home);
  expect(await second.ends()).toBe(1);
  expect(second.output).toContain(`${home} is in use by another npm start`);
  expect((await first.ask("GET", HOSTS)).hosts).toHaveLength(1);
  expect(readFileSync(`${home}/hub/hub-url`, "utf8").trim()).toBe(first.hubUrl);
});

test("a program that dies takes the others with it, and is named", async () => {
  const home = newHome();
  const it = npmStart(home);
  await it.runs();
  const programs = JSON.parse(readFileSync(`${home}/programs.json`, "utf8"));
  const site = programs.find(({ name }: { name: string }) => name === "site");
  process.kill(site.pid, "SIGKILL");
  expect(await it.ends()).toBe(1);
  expect(it.output).toContain("holdfast: the site was ended by SIGKILL");
  await expect(fetch(`${it.hubUrl}/v1/health`)).rejects.toThrow();
});

test("variables that are meant for npm start do not reach the programs, where they mean something else", async () => {
  const ports = { HOLDFAST_HUB_PORT: "0", HOLDFAST_SITE_PORT: "0", HOLDFAST_MQTT_PORT: "0" };
  const it = npmStart(newHome(), [], ports);
  await it.runs();
  expect((await it.ask("GET", HOSTS)).hosts).toHaveLength(1);
});

test("a home that is a file is refused in one line", async () => {
  const it = npmStart(fileURLToPath(import.meta.url));
  expect(await it.ends()).toBe(1);
  expect(it.output).toMatch(/^holdfast: --home .*start\.test\.ts cannot be used: /m);
  expect(it.output).not.toContain("    at ");
});

test("a wrong option is refused by name before anything is started", async () => {
  const it = npmStart(newHome(), ["--hub-port", "many"]);
  expect(await it.ends()).toBe(1);
  expect(it.output).toContain('--hub-port: "many" is not a whole number from 0 to 65535');
  expect(it.output).not.toContain("    at ");
});
