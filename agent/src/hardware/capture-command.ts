import { readdir, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Fault, messageOf, systemCode } from "@holdfast/runtime";
import { captureTree } from "./capture.ts";

const USAGE = `Usage: holdfast agent capture DIRECTORY [--root /]

Copies the files that the hardware report is read from into DIRECTORY, which must be empty or not exist, so that the
report can be made again elsewhere. Run as root to have serial numbers in it. It holds serial numbers, MAC and IP
addresses and the host's name; the machine-id and secrets on the kernel's command line are left out.

  --root DIRECTORY   the machine's files, / unless given
  --help             this text`;

/** Runs `holdfast agent capture`. Resolves to the exit code; throws what went wrong, in a sentence for a person. */
export async function runCapture(list: readonly string[], out: (line: string) => void): Promise<number> {
  const called = readCall(list);
  if (called === "help") {
    out(USAGE);
    return 0;
  }
  const { into, root } = called;
  await refuseUnlessEmpty(into);
  if (!(await stat(root)).isDirectory()) throw new Fault("InvalidArgument", `--root ${root} is not a directory`);
  const { files, bytes, skipped } = await captureTree({ root, into });
  out(`${into}: ${files} files, ${bytes} bytes`);
  for (const line of skipped) out(`not readable: ${line}`);
  return 0;
}

function readCall(list: readonly string[]): { readonly into: string; readonly root: string } | "help" {
  try {
    const { values, positionals } = parseArgs({
      args: [...list],
      options: { root: { type: "string", default: "/" }, help: { type: "boolean", default: false } },
      allowPositionals: true,
    });
    if (values.help) return "help";
    const [directory, ...others] = positionals;
    if (directory === undefined || directory === "") throw new Error("the directory to write to is missing");
    if (others.length > 0) throw new Error(`one directory only, not also ${others.join(" ")}`);
    return { into: resolve(directory), root: resolve(values.root) };
  } catch (error) {
    throw new Fault("InvalidArgument", `capture: ${messageOf(error)}\n\n${USAGE}`);
  }
}

async function refuseUnlessEmpty(directory: string): Promise<void> {
  try {
    const names = await readdir(directory);
    if (names.length > 0) throw new Fault("FailedPrecondition", `${directory} is not empty; nothing was written`);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}
