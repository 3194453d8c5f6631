import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "@holdfast/runtime";
import { askedOfDisk } from "@holdfast/runtime/testing/asked-of-disk";
import { expect, test } from "vitest";
import { AgentConfig } from "./config.ts";
import { install, uninstall } from "./install.ts";
import { TOKEN, temporaryDirectory } from "./testing/agents.ts";
import { INSTALLED, unitText, updatePathText, updateUnitText } from "./unit.ts";
import { readJournal, writeJournal } from "./update/journal.ts";
import { programsIn } from "./update/places.ts";
import { AGENT_VERSION } from "./version.ts";

function machine() {
  const directory = temporaryDirectory();
  const prefix = join(directory.path, "root");
  mkdirSync(prefix);
  const executable = join(directory.path, "downloaded");
  writeFileSync(executable, "#!/bin/true\nversion one\n");
  const tokenFile = join(directory.path, "token");
  writeFileSync(tokenFile, `${TOKEN}\n`);
  const said: string[] = [];
  const commands: string[] = [];
  const surroundings = {
    out: (line: string) => void said.push(line),
    executable,
    userId: 1_000,
    command: async (file: string, list: readonly string[]) => void commands.push([file, ...list].join(" ")),
  };
  const list = ["--site-url", "http://10.0.0.1:8080", "--enrol-token-file", tokenFile, "--prefix", prefix];
  const below = (path: string) => join(prefix, path);
  return { ...directory, executable, tokenFile, said, commands, surroundings, list, below, prefix };
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test("installing lays down the executable, private state, token, settings that the agent reads, and the unit", async () => {
  using one = machine();
  expect(await install(one.list, one.surroundings)).toBe(0);
  expect(readFileSync(one.below(INSTALLED.executable), "utf8")).toContain("version one");
  expect(modeOf(one.below(INSTALLED.executable))).toBe("755");
  expect(modeOf(one.below(INSTALLED.state))).toBe("700");
  expect(modeOf(one.below(INSTALLED.token))).toBe("640");
  expect(readFileSync(one.below(INSTALLED.token), "utf8")).toBe(`${TOKEN}\n`);
  expect(readFileSync(one.below(INSTALLED.unit), "utf8")).toBe(unitText());
  expect(
    readConfig(AgentConfig, { arguments: ["--config", one.below(INSTALLED.config)], environment: {} }),
  ).toMatchObject({ siteUrl: "http://10.0.0.1:8080", enrolTokenFile: INSTALLED.token, stateDir: INSTALLED.state });
  expect(one.commands).toEqual([]);
});

test("a power cut during an installation leaves no half of an executable where the service starts it", () => {
  using one = machine();
  const asked = askedOfDisk(one.below(INSTALLED.programs), () => void install(one.list, one.surroundings));
  const release = `releases/${AGENT_VERSION}`;
  expect(asked.slice(0, 6)).toEqual([
    `sync ${release}/holdfast-agent.new`,
    `rename ${release}/holdfast-agent.new to ${release}/holdfast-agent`,
    `sync ${release}`,
    "sync releases",
    "rename current.new to current",
    "sync .",
  ]);
});

test("an installed agent may switch its machine, and polkit lets its user do that and nothing else", async () => {
  using one = machine();
  await install(one.list, one.surroundings);
  expect(readFileSync(one.below(INSTALLED.unit), "utf8")).toMatch(/^ExecStart=.* --allow-power$/m);
  const rule = readFileSync(one.below(INSTALLED.powerRule), "utf8");
  expect(modeOf(one.below(INSTALLED.powerRule))).toBe("644");
  const allowed = (user: string, id: string) => {
    const rules: ((action: { id: string }, subject: { user: string }) => unknown)[] = [];
    const polkit = { addRule: (added: (typeof rules)[number]) => rules.push(added), Result: { YES: "yes" } };
    new Function("polkit", rule)(polkit);
    return rules.some((each) => each({ id }, { user }) === "yes");
  };
  const login = "org.freedesktop.login1";
  for (const id of ["power-off", "reboot", "reboot-ignore-inhibit", "power-off-multiple-sessions"]) {
    expect(allowed(INSTALLED.user, `${login}.${id}`), id).toBe(true);
  }
  expect(allowed("mallory", `${login}.power-off`)).toBe(false);
  for (const id of [`${login}.suspend`, "org.freedesktop.systemd1.manage-units", `x.${login}.reboot`]) {
    expect(allowed(INSTALLED.user, id), id).toBe(false);
  }
  await uninstall(["--prefix", one.prefix], one.surroundings);
  expect(existsSync(one.below(INSTALLED.powerRule))).toBe(false);
});

test("what everybody needs can be read by everybody, however strict root's umask is", async () => {
  using one = machine();
  const before = process.umask(0o077);
  try {
    await install(one.list, one.surroundings);
  } finally {
    process.umask(before);
  }
  const { programs, releases, settings, state } = INSTALLED;
  const modes = [programs, releases, join(releases, AGENT_VERSION), settings].map((path) => modeOf(one.below(path)));
  expect(modes).toEqual(["755", "755", "755", "755"]);
  expect(modeOf(one.below(state))).toBe("700");
});

test("installing again exchanges the executable and keeps the identity", async () => {
  using one = machine();
  await install(one.list, one.surroundings);
  writeFileSync(one.below(`${INSTALLED.state}/enrolment.json`), "{}");
  writeFileSync(one.executable, "#!/bin/true\nversion two\n");
  await install(one.list, one.surroundings);
  expect(readFileSync(one.below(INSTALLED.executable), "utf8")).toContain("version two");
  expect(existsSync(one.below(`${INSTALLED.state}/enrolment.json`))).toBe(true);
  expect(lstatSync(one.below(INSTALLED.current)).isSymbolicLink()).toBe(true);
  expect(readlinkSync(one.below(INSTALLED.current))).toBe(`releases/${AGENT_VERSION}`);
});

test("uninstalling leaves identity and settings, purging leaves nothing, and both may be done twice", async () => {
  using one = machine();
  await install(one.list, one.surroundings);
  for (const _time of [1, 2]) await uninstall(["--prefix", one.prefix], one.surroundings);
  expect([INSTALLED.programs, INSTALLED.unit].map((path) => existsSync(one.below(path)))).toEqual([false, false]);
  expect([INSTALLED.state, INSTALLED.settings].map((path) => existsSync(one.below(path)))).toEqual([true, true]);
  for (const _time of [1, 2]) await uninstall(["--purge", "--prefix", one.prefix], one.surroundings);
  expect([INSTALLED.state, INSTALLED.settings].map((path) => existsSync(one.below(path)))).toEqual([false, false]);
});

test("whoever is not root is told so, and how to do it", async () => {
  using one = machine();
  const list = one.list.slice(0, 4);
  await expect(install(list, one.surroundings)).rejects.toThrow("install needs root: run it with sudo");
  await expect(uninstall([], one.surroundings)).rejects.toThrow("uninstall needs root");
  expect(one.commands).toEqual([]);
});

test.each([
  ["from source", {}, { executable: undefined }, "only the built executable can be installed"],
  ["without a site", { "--site-url": undefined }, {}, "--site-url is needed"],
  ["with a site that is no URL", { "--site-url": "10.0.0.1" }, {}, "--site-url"],
  [
    "with a token file that is not there",
    { "--enrol-token-file": "/nowhere/token" },
    {},
    "--enrol-token-file /nowhere/token",
  ],
  ["with a token file that holds none", { "--enrol-token-file": "/dev/null" }, {}, "should hold one token"],
])(
  "installing %s says what is wrong and lays down nothing",
  async (_what, flags: Record<string, string | undefined>, more, sentence) => {
    using one = machine();
    const list: string[] = [];
    for (let at = 0; at < one.list.length; at += 2) {
      const [flag = "", value = ""] = one.list.slice(at, at + 2);
      const given = flag in flags ? flags[flag] : value;
      if (given !== undefined) list.push(flag, given);
    }
    await expect(install(list, { ...one.surroundings, ...more })).rejects.toThrow(sentence);
    expect(existsSync(one.below("opt"))).toBe(false);
  },
);

const hasAnalyze = spawnSync("systemd-analyze", ["--version"]).status === 0;

/** Where every tool has to be there, a missing one fails the test instead of leaving it out. */
const skipsWithout = (isThere: boolean) => !isThere && process.env.CI !== "true";

test.skipIf(skipsWithout(hasAnalyze))(
  "systemd finds no fault in the unit, and it exposes little (needs systemd-analyze)",
  () => {
    using directory = temporaryDirectory();
    const unit = join(directory.path, INSTALLED.unitName);
    writeFileSync(unit, unitText("/bin/true"));
    const verified = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
    expect(verified.stderr.split("\n").filter((line) => line.includes(INSTALLED.unitName))).toEqual([]);
    expect(verified.status).toBe(0);
    const rated = spawnSync("systemd-analyze", ["security", "--offline=yes", "--threshold=50", unit], {
      encoding: "utf8",
    });
    expect(rated.stdout).toMatch(/Overall exposure level/);
    expect(rated.status, rated.stdout.split("\n").slice(-3).join("\n")).toBe(0);
  },
);

test.skipIf(skipsWithout(hasAnalyze))("systemd finds no fault in the units of updates (needs systemd-analyze)", () => {
  using directory = temporaryDirectory();
  const units = {
    [INSTALLED.updateUnitName]: updateUnitText("/bin/true"),
    [INSTALLED.updatePathName]: updatePathText(),
  };
  for (const [name, text] of Object.entries(units)) writeFileSync(join(directory.path, name), text);
  const paths = Object.keys(units).map((name) => join(directory.path, name));
  const verified = spawnSync("systemd-analyze", ["verify", ...paths], { encoding: "utf8" });
  expect(verified.stderr.split("\n").filter((line) => line.includes("holdfast-agent-update"))).toEqual([]);
  expect(verified.status).toBe(0);
});

test("keys of releases are copied, stay when another agent is installed over it, and have to be keys", async () => {
  using one = machine();
  const keys = new URL("../../runtime/fixtures/minisign/key.pub", import.meta.url).pathname;
  await expect(install([...one.list, "--release-keys", one.executable], one.surroundings)).rejects.toThrow(
    /--release-keys/,
  );
  expect(existsSync(one.below("opt"))).toBe(false);
  await install([...one.list, "--release-keys", keys], one.surroundings);
  expect(readFileSync(one.below(INSTALLED.releaseKeys))).toEqual(readFileSync(keys));
  await install(one.list, one.surroundings);
  const config = readConfig(AgentConfig, { arguments: ["--config", one.below(INSTALLED.config)], environment: {} });
  expect(config.releaseKeys).toBe(INSTALLED.releaseKeys);
  expect(readlinkSync(one.below(INSTALLED.trusted))).toBe(`releases/${AGENT_VERSION}`);
});

test("what a person installs needs no proof, and what is known of newer releases is kept", async () => {
  using one = machine();
  await install(one.list, one.surroundings);
  const { journal } = programsIn(one.below(INSTALLED.programs));
  const known = { sequence: 7, version: "7", manifestHash: "m" };
  const failures = [{ manifestHash: "m", release: "7-7", times: 1, reason: "r" }];
  writeJournal(journal, {
    ...{ phase: "trying", from: "a", to: "7-7", manifestHash: "m", trial: "t", starts: 1, known, failures },
  });
  await install(one.list, one.surroundings);
  expect(readJournal(journal)).toEqual({ phase: "steady", release: AGENT_VERSION, known, failures });
});

test("the unit never forbids what V8 and the readers of the hardware need", () => {
  const settings = unitText()
    .split("\n")
    .filter((line) => /^(MemoryDenyWriteExecute|ProcSubset|PrivateDevices)=/.test(line));
  expect(settings).toEqual([]);
});
