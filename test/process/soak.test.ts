import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { waitFor } from "./program.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const SMALL = ["--sites", "1", "--agents", "2", "--seed", "7"];

/** `npm run soak`, as a person runs it. */
class Soak {
  readonly child: ChildProcess;
  readonly ends: Promise<number | null>;
  output = "";

  constructor(...given: readonly string[]) {
    this.child = spawn("npm", ["run", "soak", "--", ...given], { cwd: REPOSITORY, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        this.output += text;
      });
    }
    this.ends = new Promise((resolve) => this.child.once("close", (code) => resolve(code)));
    onTestFinished(async () => {
      this.child.kill("SIGTERM");
      await this.ends;
    });
  }

  /** How often something is told to have happened. */
  count(what: string): number {
    return Number(new RegExp(`${what} +(\\d+)`).exec(this.output)?.[1]);
  }
}

/** Processes of whose command line a text is part. */
function processesNaming(text: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text);
    } catch {
      return false;
    }
  });
}

test("a short soak kills programs and cuts links while operators work, loses nothing, and leaves nothing behind", async () => {
  const soak = new Soak(...SMALL, "--minutes", "0.25");
  expect({ code: await soak.ends, said: soak.output }).toMatchObject({ code: 0 });
  expect(soak.output).toContain("nothing was lost, and all agree");
  expect(soak.count("killed with -9")).toBeGreaterThan(0);
  expect(soak.count("writes")).toBeGreaterThan(0);
  expect(soak.output).toMatch(/hub( +\d+)+/);
});

test("without any rights the links are relays, and Ctrl-C ends every program", async () => {
  const soak = new Soak(...SMALL, "--minutes", "60", "--links", "relay");
  const folder = await waitFor("it begins", () => /state in (\S+)/.exec(soak.output)?.[1]);
  await waitFor("the agents run", () => (processesNaming(`${folder}/site-1-agent-1`).length > 0 ? true : undefined));
  soak.child.kill("SIGINT");
  expect({ code: await soak.ends, said: soak.output }).toMatchObject({ code: 1 });
  expect(soak.output).toContain("TCP relays on the loopback interface");
  expect(soak.output).toContain("stopped before its time");
  expect(processesNaming(folder)).toEqual([]);
});

test("its settings are listed, and a wrong one is refused by name", async () => {
  const [help, wrong] = [new Soak("--help"), new Soak("--minutes", "soon")];
  expect(await help.ends).toBe(0);
  for (const flag of ["--minutes", "--seed", "--sites", "--agents"]) expect(help.output).toContain(flag);
  expect(await wrong.ends).toBe(1);
  expect(wrong.output).toContain('--minutes: "soon" is not a number of minutes');
});
