import { execFile } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { Fault, helpText, readConfig } from "@holdfast/runtime";
import { makeDurable, renameDurably, writeDurably } from "@holdfast/runtime/durable-file";
import { type Static, Type } from "typebox";
import { AgentConfig } from "./config.ts";
import { INSTALLED, powerRuleText, unitText, updatePathText, updateUnitText } from "./unit.ts";
import { readJournal, writeJournal } from "./update/journal.ts";
import { programsIn } from "./update/places.ts";
import { readKeys } from "./update/updates.ts";
import { AGENT_VERSION } from "./version.ts";

const prefix = Type.String({
  minLength: 1,
  default: "/",
  placeholder: "DIR",
  description: "installs below this directory: files only, no user is made and no service started",
});

const InstallConfig = Type.Object({
  siteUrl: AgentConfig.properties.siteUrl,
  enrolTokenFile: Type.String({
    minLength: 1,
    placeholder: "FILE",
    description: "a file holding the one-time token that admits this machine; it is copied",
  }),
  releaseKeys: Type.Optional(
    Type.String({
      minLength: 1,
      placeholder: "FILE",
      description:
        "minisign public keys by which newer releases are trusted; it is copied, and no update is taken without",
    }),
  ),
  prefix,
});

const UninstallConfig = Type.Object({
  purge: Type.Boolean({ default: false, description: "removes identity, settings and the user as well" }),
  prefix,
});

export interface InstallSurroundings {
  readonly out: (line: string) => void;
  /** The agent's own executable; undefined when it runs from source. */
  readonly executable: string | undefined;
  readonly userId: number | undefined;
  /** Runs a command; rejects when it fails. */
  readonly command?: (file: string, list: readonly string[]) => Promise<unknown>;
}

export const INSTALL_HELP = [
  helpText(
    "holdfast-agent install",
    "Installs this executable as a service that starts with the machine.",
    InstallConfig,
  ),
  helpText("holdfast-agent uninstall", "Stops and removes the service.", UninstallConfig),
].join("\n");

/** Installs the agent, or a newer one over it; done twice it changes nothing more. The exit code. */
export async function install(list: readonly string[], surroundings: InstallSurroundings): Promise<number> {
  const { out, executable, command = execute } = surroundings;
  const config = readConfig(InstallConfig, { arguments: list, environment: {} });
  const isReal = config.prefix === "/";
  const below = (path: string) => join(config.prefix, path);
  if (isReal) requireRoot("install", surroundings);
  if (executable === undefined) {
    throw new Fault("FailedPrecondition", "only the built executable can be installed: npm run build:agent makes it");
  }
  const token = readToken(config.enrolTokenFile);
  if (config.releaseKeys !== undefined) readKeys(config.releaseKeys);

  if (isReal) await makeUser(command);
  copyExecutable(executable, below);
  mkdirSync(below(INSTALLED.state), { recursive: true, mode: 0o700 });
  makePublic(below(INSTALLED.settings));
  writeSettings(config, token, below);
  mkdirSync(dirname(below(INSTALLED.unit)), { recursive: true });
  writeDurably(below(INSTALLED.unit), unitText(), 0o644);
  writePowerRule(below);
  writeUpdateUnits(below);
  if (!isReal) {
    out(`installed below ${config.prefix}; no user made, no service started`);
    return 0;
  }
  const { user, state, token: tokenFile, unitName, updateUnitName, updatePathName } = INSTALLED;
  await command("chown", ["-R", `${user}:${user}`, state]);
  await command("chown", [`root:${user}`, tokenFile]);
  if (!existsSync("/run/systemd/system")) {
    out(
      `installed; systemd does not run here, so start it yourself: ${INSTALLED.executable} run --config ${INSTALLED.config}`,
    );
    return 0;
  }
  await command("systemctl", ["daemon-reload"]);
  await command("systemctl", ["enable", unitName, updateUnitName]);
  await command("systemctl", ["enable", "--now", updatePathName]);
  // Not `enable --now`, which leaves an older version running.
  await command("systemctl", ["restart", unitName]);
  out(`installed and started; follow it with: journalctl -u ${unitName} -f`);
  return 0;
}

/** Removes the agent; what is gone already is fine. The identity stays unless `--purge` is given. The exit code. */
export async function uninstall(list: readonly string[], surroundings: InstallSurroundings): Promise<number> {
  const { out, command = execute } = surroundings;
  const config = readConfig(UninstallConfig, { arguments: list, environment: {} });
  const isReal = config.prefix === "/";
  const remove = (path: string) => rmSync(join(config.prefix, path), { recursive: true, force: true });
  if (isReal) requireRoot("uninstall", surroundings);

  const hasSystemd = isReal && existsSync("/run/systemd/system");
  for (const { unit, name } of UNITS) {
    if (hasSystemd && existsSync(unit)) await command("systemctl", ["disable", "--now", name]);
    remove(unit);
  }
  remove(INSTALLED.powerRule);
  if (hasSystemd) await command("systemctl", ["daemon-reload"]);
  remove(INSTALLED.programs);
  if (config.purge) {
    remove(INSTALLED.settings);
    remove(INSTALLED.state);
    if (isReal && (await hasUser(command))) await command("userdel", [INSTALLED.user]);
  }
  out(
    config.purge
      ? "removed, with identity and settings"
      : `removed; identity and settings stay in ${INSTALLED.state} and ${INSTALLED.settings}`,
  );
  return 0;
}

/** In the order in which they are taken away: first what would start another. */
const UNITS = [
  { unit: INSTALLED.updatePath, name: INSTALLED.updatePathName },
  { unit: INSTALLED.updateUnit, name: INSTALLED.updateUnitName },
  { unit: INSTALLED.unit, name: INSTALLED.unitName },
];

type Below = (path: string) => string;
type Command = (file: string, list: readonly string[]) => Promise<unknown>;

const execute: Command = (file, list) => promisify(execFile)(file, [...list], { timeout: 60_000 });

function requireRoot(what: string, { userId }: InstallSurroundings): void {
  if (userId !== 0) throw new Fault("PermissionDenied", `${what} needs root: run it with sudo, or with --prefix DIR`);
}

function readToken(path: string): string {
  let token: string;
  try {
    token = readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new Fault("InvalidArgument", `--enrol-token-file ${path}`, { cause });
  }
  if (!/^\S{16,128}$/.test(token)) {
    throw new Fault("InvalidArgument", `--enrol-token-file ${path}: it should hold one token of 16 to 128 characters`);
  }
  return token;
}

async function hasUser(command: Command): Promise<boolean> {
  return command("getent", ["passwd", INSTALLED.user]).then(
    () => true,
    () => false,
  );
}

async function makeUser(command: Command): Promise<void> {
  if (await hasUser(command)) return;
  const { user, state } = INSTALLED;
  const shell = ["--shell", "/usr/sbin/nologin"];
  await command("useradd", ["--system", "--user-group", "--no-create-home", "--home-dir", state, ...shell, user]);
}

/** A directory for everybody to read, whatever root's umask. */
function makePublic(path: string): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o755);
}

/**
 * Each version has a directory of its own, and `current` is exchanged in one step, when what it leads to is durable: what runs is
 * never half written, also when the power goes.
 */
function copyExecutable(executable: string, below: Below): void {
  const release = join(INSTALLED.releases, AGENT_VERSION);
  const target = below(join(release, "holdfast-agent"));
  for (const path of [INSTALLED.programs, INSTALLED.releases, release]) makePublic(below(path));
  copyFileSync(executable, `${target}.new`);
  chmodSync(`${target}.new`, 0o755);
  makeDurable(`${target}.new`);
  renameDurably(`${target}.new`, target);
  makeDurable(below(INSTALLED.releases));
  settleJournal(below);
  for (const link of [INSTALLED.current, INSTALLED.trusted].map(below)) {
    rmSync(`${link}.new`, { force: true });
    symlinkSync(join("releases", AGENT_VERSION), `${link}.new`);
    renameDurably(`${link}.new`, link);
  }
}

/** What a person installs needs no proof; what is known of newer releases is not forgotten. */
function settleJournal(below: Below): void {
  const { journal } = programsIn(below(INSTALLED.programs));
  const update = readJournal(journal);
  if (update === undefined) return;
  const { known, failures } = update;
  writeJournal(journal, { phase: "steady", release: AGENT_VERSION, known, failures });
}

function writeUpdateUnits(below: Below): void {
  writeDurably(below(INSTALLED.updateUnit), updateUnitText(), 0o644);
  writeDurably(below(INSTALLED.updatePath), updatePathText(), 0o644);
}

/** Where there is no polkit it changes nothing, and the agent says that it could not switch the machine. */
function writePowerRule(below: Below): void {
  mkdirSync(dirname(below(INSTALLED.powerRule)), { recursive: true });
  writeDurably(below(INSTALLED.powerRule), powerRuleText(), 0o644);
}

function writeSettings({ siteUrl, releaseKeys }: Static<typeof InstallConfig>, token: string, below: Below): void {
  if (releaseKeys !== undefined) writeDurably(below(INSTALLED.releaseKeys), readFileSync(releaseKeys), 0o644);
  // Keys that were given once stay when a newer agent is installed over it.
  const updates = existsSync(below(INSTALLED.releaseKeys)) ? { releaseKeys: INSTALLED.releaseKeys } : {};
  const settings = { siteUrl, enrolTokenFile: INSTALLED.token, stateDir: INSTALLED.state, ...updates };
  writeDurably(below(INSTALLED.config), `${JSON.stringify(settings, undefined, 2)}\n`, 0o644);
  writeDurably(below(INSTALLED.token), `${token}\n`, 0o640);
}
