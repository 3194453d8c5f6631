import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSite, type TestSite } from "@holdfast/agent/testing/site";
import { until } from "@holdfast/agent/testing/until";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

const ROOT = new URL("../..", import.meta.url).pathname;
const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "x64";
const EXECUTABLE = join(ROOT, `dist/agent/holdfast-agent-linux-${ARCHITECTURE}`);

// Where every tool has to be there, a missing one fails the tests instead of leaving them out.
const canBuild = spawnSync("strip", ["--version"]).status === 0 || process.env.CI === "true";

describe.skipIf(!canBuild)("the agent's executable (its build needs `strip`, Debian: binutils)", () => {
  let site: TestSite;
  let directory: string;
  let running: ChildProcess[];

  beforeAll(() => {
    const build = [join(ROOT, "scripts/build-agent.ts"), "--only", ARCHITECTURE, "--reuse"];
    const built = spawnSync(process.execPath, build, { encoding: "utf8" });
    if (built.status !== 0) throw new Error(`building the agent:\n${built.stdout}${built.stderr}`);
  });
  beforeEach(async () => {
    site = await startSite();
    directory = mkdtempSync(join(tmpdir(), "holdfast-agent-"));
    writeFileSync(join(directory, "token"), "hft_a-token-for-one-machine\n");
    running = [];
  });
  afterEach(async () => {
    for (const child of running)
      if (child.exitCode === null && child.signalCode === null) await ended(child, "SIGKILL");
    await site.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function start(): ChildProcess {
    const state = join(directory, "state");
    const settings = ["--site-url", site.url, "--state-dir", state, "--enrol-token-file", join(directory, "token")];
    // Nothing of this machine's Node: not on the path, not in the environment.
    const child = spawn(EXECUTABLE, ["run", ...settings], {
      env: { PATH: "/usr/bin:/bin" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    running.push(child);
    return child;
  }

  async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    const exit = once(child, "exit");
    child.kill(signal);
    return (await exit)[0];
  }

  test("tells its version and its help without any setting", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "agent/package.json"), "utf8"));
    expect(spawnSync(EXECUTABLE, ["--version"], { encoding: "utf8" })).toMatchObject({
      status: 0,
      stdout: `${version}\n`,
    });
    const help = spawnSync(EXECUTABLE, ["--help"], { encoding: "utf8" });
    expect(help).toMatchObject({ status: 0, stderr: "" });
    for (const named of ["--site-url URL", "HOLDFAST_STATE_DIR", "install", "uninstall", "capture"]) {
      expect(help.stdout).toContain(named);
    }
  });

  test("says in one sentence what is missing or not known, and ends with 1", () => {
    for (const [list, sentence] of [
      [[], "--site-url is needed"],
      [["fly"], "no command is called fly"],
      [["install", "--site-url", "http://127.0.0.1"], "--enrol-token-file"],
    ] as const) {
      const { status, stderr } = spawnSync(EXECUTABLE, list, { encoding: "utf8" });
      expect(stderr).toContain(sentence);
      expect(stderr).not.toContain("    at ");
      expect(status).toBe(1);
    }
  });

  test("enrols, connects, reports this machine's hardware, and says goodbye when it is stopped", async () => {
    const child = start();
    await until(() => site.of("hw").length === 1, "the hardware report");
    const [report] = site.messages("HardwareReport", "hw");
    expect(report?.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(report?.memory?.bytes).toBeGreaterThan(1_000_000);
    expect(report?.os?.kernel).toBeTruthy();
    await until(() => site.of("hb").length > 0, "a heartbeat");
    expect(await ended(child, "SIGTERM")).toBe(0);
    expect(site.statuses().map(({ state }) => state)).toEqual(["online", "offline"]);
  });

  test("is lost by its will when it is killed, and starts again as the same host without a second report", async () => {
    const first = start();
    const noted = join(directory, "state/reported-hardware.json");
    await until(() => site.of("hb").length > 0 && existsSync(noted), "the report is acknowledged");
    await ended(first, "SIGKILL");
    await until(() => site.statuses().at(-1)?.state === "lost", "the will");
    const [online, lost] = site.statuses();
    expect(lost?.session).toBe(online?.session);

    start();
    await until(() => site.statuses().at(-1)?.state === "online" && site.of("hb").length > 1, "connected again");
    const last = site.messages("Heartbeat", "hb").at(-1);
    expect(last?.session).not.toBe(online?.session);
    expect(last?.reportHash).toBe(site.messages("HardwareReport", "hw")[0]?.hash);
    expect(site.of("hw")).toHaveLength(1);
    expect(site.asked).toHaveLength(1);
  });
});
