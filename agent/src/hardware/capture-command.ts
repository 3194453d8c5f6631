import { readdir, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { messageOf, systemCode } from "@holdfast/runtime";
import { captureTree } from "./capture.ts";

const USAGE = `Usage: holdfast agent capture DIRECTORY [--root /]

Copies the files that the hardware report is read from into DIRECTORY, which must be empty or not exist, so that the
report can be made again elsewhere. Run as root to have serial numbers in it. It holds serial numbers, MAC and IP
addresses and the host's name; the machine-id and secrets on the kernel's command line are left out.

  --root DIRECTORY   the machine's files, / unless given
  --help             this text`;

/** Runs `holdfast agent capture`. Resolves to the exit code: 0 done, 1 failed, 2 called wrongly; never rejects. */
export async function runCapture(args: readonly string[], out: (line: string) => void): Promise<number> {
  let into: string;
  let root: string;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { root: { type: "string", default: "/" }, help: { type: "boolean", default: false } },
      allowPositionals: true,
    });
    if (values.help) {
      out(USAGE);
      return 0;
    }
    const [directory, ...others] = positionals;
    if (directory === undefined || directory === "") throw new Error("the directory to write to is missing");
    if (others.length > 0) throw new Error(`one directory only, not also ${others.join(" ")}`);
    into = resolve(directory);
    root = resolve(values.root);
  } catch (error) {
    out(`holdfast agent capture: ${messageOf(error)}`);
    out(USAGE);
    return 2;
  }
  try {
    await refuseUnlessEmpty(into);
    if (!(await stat(root)).isDirectory()) throw new Error(`${root} is not a directory`);
    const { files, bytes, skipped } = await captureTree({ root, into });
    out(`${into}: ${files} files, ${bytes} bytes`);
    for (const line of skipped) out(`not readable: ${line}`);
    return 0;
  } catch (error) {
    out(`holdfast agent capture: ${messageOf(error)}`);
    return 1;
  }
}

async function refuseUnlessEmpty(directory: string): Promise<void> {
  try {
    const names = await readdir(directory);
    if (names.length > 0) throw new Error(`${directory} is not empty; nothing was written`);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}
