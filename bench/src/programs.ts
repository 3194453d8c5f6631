import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Run } from "./benchmark.ts";
import { type Running, startProgram, until } from "./processes.ts";
import type { SeededSite } from "./seed.ts";

export interface Listening extends Running {
  readonly home: string;
  readonly url: string;
}

/** The hub as it is shipped, on a home; more settings as they are given on a command line. */
export async function startHub(home: string, settings: readonly string[] = []): Promise<Listening> {
  const given = [
    "run",
    "--home",
    home,
    "--hub-port",
    "0",
    "--log-level",
    "warn",
    "--requests-per-second",
    "0",
    ...settings,
  ];
  return listening(startProgram("hub", given, `${home}/log`), home, "hub-url");
}

export interface SiteLink {
  readonly hubUrl: string;
  readonly site: SeededSite;
}

/** The site-node as it is shipped, in a new home. */
export async function startSite(run: Run, { hubUrl, site }: SiteLink): Promise<Listening> {
  const home = run.folder("site");
  writeFileSync(`${home}/token`, site.token, { mode: 0o600 });
  const given = [
    ...["run", "--home", home, "--site-port", "0", "--mqtt-port", "0", "--log-level", "warn"],
    ...["--hub-url", hubUrl, "--site-id", site.id, "--token-file", `${home}/token`],
  ];
  return listening(startProgram("site", given, `${home}/log`), home, "site-url");
}

async function listening(program: Running, home: string, file: string): Promise<Listening> {
  const path = `${home}/${file}`;
  try {
    const url = await until(`${path}, where it says that it listens (see ${home}/log)`, async () => {
      if (!existsSync(path)) return undefined;
      const said = readFileSync(path, "utf8").trim();
      const answer = await fetch(`${said}/v1/health`).catch(() => undefined);
      return answer?.ok ? said : undefined;
    });
    return {
      home,
      url,
      get pid() {
        return program.pid;
      },
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}
