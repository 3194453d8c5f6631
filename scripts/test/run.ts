import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, setPriority, tmpdir } from "node:os";

export interface TierResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Commands that pass or fail as a whole, each counted as one. */
export async function runCommand(commands: readonly (readonly [string, ...string[]])[]): Promise<TierResult> {
  let passed = 0;
  for (const [command, ...arguments_] of commands) {
    if ((await run(command, arguments_)) === 0) passed += 1;
    else console.error(`failed: ${command} ${arguments_.join(" ")}`);
  }
  return { passed, failed: commands.length - passed, skipped: 0 };
}

/** Whether a command has the machine to itself, or takes what others leave of it and shows its output when it has ended. */
type Manner = "alone" | "beside others";

/** A vitest project, its tests counted from vitest's own report. */
export async function runVitest(project: string, manner: Manner = "alone"): Promise<TierResult> {
  const folder = mkdtempSync(`${tmpdir()}/holdfast-test-`);
  try {
    const report = `${folder}/report.json`;
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const code = await run("vitest", ["run", "--project", project, ...reporters], manner);
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, "utf8"));
    // A suite that fails to load fails no single test.
    const failed = Math.max(numFailedTests, code === 0 ? 0 : 1);
    return { passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(command: string, arguments_: readonly string[], manner: Manner = "alone"): Promise<number> {
  return new Promise((resolve, reject) => {
    const output = manner === "alone" ? "inherit" : "pipe";
    const child = spawn(command, arguments_, { stdio: ["ignore", output, output] });
    if (manner === "beside others" && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    const said: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (piece: Buffer) => said.push(piece));
    child.once("error", reject);
    child.once("close", (code) => {
      process.stdout.write(Buffer.concat(said));
      resolve(code ?? 1);
    });
  });
}
