import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Fleet, PROJECT } from "./fleet.ts";
import { waitFor } from "./program.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "x64";
const EXECUTABLE = join(ROOT, `dist/agent/holdfast-agent-linux-${ARCHITECTURE}`);

// Where every tool has to be there, a missing one fails the tests instead of leaving them out.
const canBuild = spawnSync("strip", ["--version"]).status === 0 || process.env.CI === "true";

describe.skipIf(!canBuild)("the agent's executable (its build needs `strip`, Debian: binutils)", () => {
  beforeAll(() => void build());

  function build(...flags: string[]): string {
    const list = [join(ROOT, "scripts/build-agent.ts"), "--only", ARCHITECTURE, "--reuse", ...flags];
    const { status, stdout, stderr } = spawnSync(process.execPath, list, { encoding: "utf8" });
    if (status !== 0) throw new Error(`building the agent:\n${stdout}${stderr}`);
    return stdout;
  }

  test("is byte for byte the same when it is built again", () => {
    expect(build("--check-reproducible")).toContain("byte for byte the same");
  });

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

  test("has the licences of everything in it beside it", () => {
    const licences = readFileSync(join(ROOT, "dist/agent/LICENCES"), "utf8");
    for (const holder of ["mqtt", "systeminformation", "protobufjs", "pino", `node-linux-${ARCHITECTURE}`]) {
      expect(licences).toMatch(new RegExp(`^${holder} \\d+\\.\\d+\\.\\d+ \\([^)]+\\)$`, "m"));
    }
    expect(licences).toContain("Permission is hereby granted, free of charge");
  });

  test("says in one sentence what is missing or not known, and ends with 1", () => {
    for (const [list, sentence] of [
      [[], "--site-url is needed"],
      [["fly"], "no command is called fly"],
      [["install", "--site-url", "http://127.0.0.1"], "--enrol-token-file"],
      [["capture"], "the directory to write to is missing"],
    ] as const) {
      const { status, stderr } = spawnSync(EXECUTABLE, list, { encoding: "utf8" });
      expect(stderr).toContain(sentence);
      expect(stderr).not.toContain("    at ");
      expect(status).toBe(1);
    }
  });

  describe("at a site of a hub", () => {
    let fleet: Fleet;
    let running: ChildProcess[];
    let said: string;

    beforeEach(async ({ onTestFailed }) => {
      said = "";
      running = [];
      onTestFailed(() => void process.stderr.write(said));
      fleet = new Fleet();
      await fleet.startHub();
      const site = await fleet.startSite();
      const { token } = await fleet.ask("POST", `${PROJECT}/sites/${site}/enrolment-tokens`, { validSeconds: 3_600 });
      writeFileSync(join(fleet.folder, "token"), `${token}\n`);
    });
    afterEach(async () => {
      for (const child of running)
        if (child.exitCode === null && child.signalCode === null) await ended(child, "SIGKILL");
    });

    function start(): ChildProcess {
      const state = join(fleet.folder, "agent");
      const token = join(fleet.folder, "token");
      const settings = ["--site-url", fleet.siteUrl, "--state-dir", state, "--enrol-token-file", token];
      // Nothing of this machine's Node: not on the path, not in the environment.
      const child = spawn(EXECUTABLE, ["run", ...settings], {
        env: { PATH: "/usr/bin:/bin" },
        stdio: ["ignore", "ignore", "pipe"],
      });
      child.stderr?.setEncoding("utf8").on("data", (text) => {
        said += text;
      });
      running.push(child);
      return child;
    }

    async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
      const exit = once(child, "exit");
      child.kill(signal);
      return (await exit)[0];
    }

    /** Resolves to the only host that the hub's API shows, once it is as wanted. */
    // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON the API answers with
    function hubShows(wanted: object): Promise<any> {
      return waitFor("the hub shows the machine", async () => {
        const hosts = await fleet.hosts();
        expect(hosts).toMatchObject([wanted]);
        return hosts[0];
      });
    }

    test("brings this machine's hardware into the hub's API, and says goodbye when it is stopped", async () => {
      const child = start();
      const memory = /^MemTotal:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
      const processors = readFileSync("/proc/cpuinfo", "utf8").match(/^processor/gm)?.length;
      await hubShows({
        hostname: hostname(),
        memoryBytes: String(Number(memory) * 1024),
        cpuThreads: processors,
        hostStatus: "Running",
        hostStatusIndicator: "STATUS_INDICATION_IDLE",
      });
      expect(await ended(child, "SIGTERM")).toBe(0);
      await hubShows({ hostStatus: expect.not.stringMatching("Running") });
      const [host] = await fleet.hosts();
      expect(host.hostStatusIndicator).not.toBe("STATUS_INDICATION_ERROR");
    });

    test("is seen to be lost when it is killed, and comes back as the host it was", async () => {
      const first = start();
      const { resourceId } = await hubShows({ hostStatus: "Running" });
      await ended(first, "SIGKILL");
      await hubShows({ resourceId, hostStatusIndicator: "STATUS_INDICATION_ERROR" });
      start();
      await hubShows({ resourceId, hostStatus: "Running", hostStatusIndicator: "STATUS_INDICATION_IDLE" });
    });
  });
});
