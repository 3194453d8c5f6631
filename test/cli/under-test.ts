import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "@holdfast/cli";
import { type SigninHub, startSigninHub } from "@holdfast/hub/signin/under-test";
import { systemClock } from "@holdfast/runtime";

export interface Ran {
  readonly code: number;
  readonly out: string;
  /** What was said to the person. */
  readonly notes: string;
}

/** A hub, and somebody with a home of their own who uses the commands on it. */
export interface CliWorld extends AsyncDisposable {
  readonly hub: SigninHub;
  readonly home: string;
  readonly config: string;
  run(...words: string[]): Promise<Ran>;
  /** The same, with other variables and with a secret that is typed when one is asked for. */
  runWith(
    more: {
      readonly environment?: object;
      readonly secret?: string;
      readonly signal?: AbortSignal;
      readonly heard?: (text: string) => void;
    },
    ...words: string[]
  ): Promise<Ran>;
}

/** By default the commands have the first operator's token, and no file. */
export async function startCliWorld(settings: Parameters<typeof startSigninHub>[0] = {}): Promise<CliWorld> {
  const hub = await startSigninHub(settings);
  const home = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
  const runWith: CliWorld["runWith"] = async ({ environment = {}, secret = "", signal, heard }, ...words) => {
    let out = "";
    let notes = "";
    const code = await runCli(words, {
      environment: { HOME: home, ...environment },
      clock: systemClock,
      signal: signal ?? new AbortController().signal,
      out: (text) => {
        out += text;
        heard?.(out);
      },
      note: (line) => {
        notes += `${line}\n`;
      },
      askSecret: async () => secret,
    });
    return { code, out, notes };
  };
  return {
    hub,
    home,
    config: join(home, ".config/holdfast/config.json"),
    runWith,
    run: (...words) => runWith({ environment: { HOLDFAST_URL: hub.url, HOLDFAST_TOKEN: hub.operator } }, ...words),
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
