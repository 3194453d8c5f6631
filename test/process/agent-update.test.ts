import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { Fleet, PROJECT } from "./fleet.ts";
import { waitFor } from "./program.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "x64";
const EXECUTABLE = join(ROOT, `dist/agent/holdfast-agent-linux-${ARCHITECTURE}`);
const KEYS = join(ROOT, "runtime/fixtures/minisign");

// Where every tool has to be there, a missing one fails the tests instead of leaving them out.
const canBuild = spawnSync("strip", ["--version"]).status === 0 || process.env.CI === "true";

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) {
    // A whole group: what stands for the service manager starts agents of its own.
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
});

describe.skipIf(!canBuild)(
  "the installed executable at a site that has a newer release (its build needs `strip`)",
  () => {
    beforeAll(() => {
      const list = [join(ROOT, "scripts/build-agent.ts"), "--only", ARCHITECTURE, "--reuse"];
      const { status, stdout, stderr } = spawnSync(process.execPath, list, { encoding: "utf8" });
      if (status !== 0) throw new Error(`building the agent:\n${stdout}${stderr}`);
    });

    /** A machine with the agent installed below a folder, and a `systemctl` that starts it anew as systemd would. */
    async function installed() {
      const fleet = new Fleet();
      await fleet.startHub();
      const releases = join(fleet.folder, "releases");
      mkdirSync(releases);
      const site = await fleet.startSite("--releases", releases, "--release-keys", join(KEYS, "key.pub"));
      const { token } = await fleet.ask("POST", `${PROJECT}/sites/${site}/enrolment-tokens`, { validSeconds: 3_600 });
      const tokenFile = join(fleet.folder, "token");
      writeFileSync(tokenFile, `${token}\n`);
      const prefix = join(fleet.folder, "root");
      mkdirSync(prefix);
      const flags = ["--site-url", fleet.siteUrl, "--enrol-token-file", tokenFile, "--prefix", prefix];
      const list = ["install", ...flags, "--release-keys", join(KEYS, "key.pub")];
      expect(spawnSync(EXECUTABLE, list, { encoding: "utf8" })).toMatchObject({ status: 0 });

      const programs = join(prefix, "opt/holdfast-agent");
      const state = join(prefix, "var/lib/holdfast-agent");
      const commands = join(fleet.folder, "commands");
      mkdirSync(commands);
      const settings = [
        ...["run", "--site-url", fleet.siteUrl, "--enrol-token-file", tokenFile, "--state-dir", state],
        ...["--programs", programs, "--release-keys", join(KEYS, "key.pub")],
      ];
      const pidFile = join(fleet.folder, "pid");
      const script = `#!/bin/sh
test -f ${pidFile} && kill $(cat ${pidFile}) && tail --pid=$(cat ${pidFile}) -f /dev/null
${programs}/current/holdfast-agent ${settings.join(" ")} 2>>${fleet.folder}/agent.log >/dev/null </dev/null &
echo $! >${pidFile}
`;
      writeFileSync(join(commands, "systemctl"), script, { mode: 0o755 });
      const environment = { PATH: `${commands}:/usr/bin:/bin` };
      const inGroup = (file: string, ...words: string[]) => {
        const child = spawn(file, words, { env: environment, detached: true, stdio: "ignore" });
        running.push(child);
        return child;
      };
      inGroup(join(commands, "systemctl"));

      const publish = (sequence: number, write: (path: string) => void) => {
        const path = join(fleet.folder, `agent-${sequence}`);
        write(path);
        const about = [
          "--kind",
          "agent",
          "--name",
          "holdfast-agent",
          "--release",
          "9.9",
          "--sequence",
          String(sequence),
        ];
        const architecture = ARCHITECTURE === "x64" ? "x86_64" : "aarch64";
        const made = [...about, "--architecture", architecture, "--secret-key", join(KEYS, "key.secret")];
        const signed = spawnSync(process.execPath, [join(ROOT, "scripts/manifest.ts"), path, ...made], {
          encoding: "utf8",
        });
        expect(signed).toMatchObject({ status: 0 });
        for (const ending of ["", ".manifest.json.minisig", ".manifest.json"]) {
          renameSync(`${path}${ending}`, join(releases, `agent-${sequence}${ending}`));
        }
      };
      return {
        ...{ fleet, programs, publish, site },
        supervise: () => inGroup(join(programs, "trusted/holdfast-agent"), "supervise-update", "--prefix", prefix),
        restart: () => inGroup(join(commands, "systemctl")),
        isReady: () => readFileSync(join(state, "update/ready")).length > 0,
        journal: () => JSON.parse(readFileSync(join(programs, "update.json"), "utf8")),
        runs: () => readlinkSync(join(programs, "current")),
        trusts: () => readlinkSync(join(programs, "trusted")),
      };
    }

    test("fetches it, is exchanged for it, reaches its site, and is trusted from then on", async () => {
      const it = await installed();
      await waitFor("the first release runs", async () => expect(await it.fleet.hosts()).toHaveLength(1));
      it.publish(2, (path) => {
        copyFileSync(EXECUTABLE, path);
        // The same program, and another file.
        appendFileSync(path, "\n");
      });
      it.restart();
      await waitFor("it is fetched", () => it.isReady());
      it.supervise();
      await waitFor("it is proven", () => expect(it.journal()).toMatchObject({ phase: "steady", release: "9.9-2" }));
      await waitFor("it is trusted", () =>
        expect([it.runs(), it.trusts()]).toEqual(["releases/9.9-2", "releases/9.9-2"]),
      );
      expect(await it.fleet.hosts()).toMatchObject([{ hostStatus: "Running" }]);
    });

    test("is not exchanged for one that was changed after it was signed", async () => {
      const it = await installed();
      await waitFor("the first release runs", async () => expect(await it.fleet.hosts()).toHaveLength(1));
      const before = it.runs();
      it.publish(2, (path) => copyFileSync(EXECUTABLE, path));
      it.restart();
      await waitFor("it is fetched", () => it.isReady());
      const content = join(it.programs, "../../var/lib/holdfast-agent/update/content");
      appendFileSync(content, "x");
      const supervisor = it.supervise();
      await waitFor("the supervisor has ended", () => expect(supervisor.exitCode).toBe(0));
      expect([it.runs(), it.trusts()]).toEqual([before, before]);
    });
  },
);
