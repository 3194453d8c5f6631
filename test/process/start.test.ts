import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
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

function npmStart(home: string, options?: readonly string[]): NpmStart {
  const one = new NpmStart(home, options);
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

test("the commands that npm start prints work as they are printed", async () => {
  const it = npmStart(newHome());
  await it.runs();
  const commands = it.output.split("\n").filter((line) => line.trim().startsWith("curl "));
  expect(commands).toHaveLength(3);
  const { execFileSync } = await import("node:child_process");
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

test("a wrong option is refused by name before anything is started", async () => {
  const it = npmStart(newHome(), ["--hub-port", "many"]);
  expect(await it.ends()).toBe(1);
  expect(it.output).toContain('--hub-port: "many" is not a whole number from 0 to 65535');
});
