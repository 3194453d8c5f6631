import type { OperatingSystem } from "@holdfast/protocol/messages";
import { anyKnown } from "./known.ts";
import type { Tree } from "./tree.ts";

/** What runs on the machine now: in the installer's memory that is the installer. */
export async function readOperatingSystem(tree: Tree): Promise<OperatingSystem | undefined> {
  const release = fieldsOf((await tree.text("/etc/os-release")) ?? (await tree.text("/usr/lib/os-release")) ?? "");
  return anyKnown<OperatingSystem>({
    hostname: await tree.text("/proc/sys/kernel/hostname"),
    name: release.get("NAME"),
    version: release.get("VERSION_ID"),
    kernel: await tree.text("/proc/sys/kernel/osrelease"),
    kernelCommandLine: await tree.text("/proc/cmdline", {
      scrub: (line) => Buffer.from(publicPart(line.toString("utf8"))),
    }),
  });
}

/** os-release(5): shell assignments, quoted or not, without expansion. */
function fieldsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").flatMap((line): [string, string][] => {
      const [, name, quoted, plain] = /^\s*([A-Z_0-9]+)=(?:"((?:[^"\\]|\\.)*)"|'?([^']*?)'?)\s*$/.exec(line) ?? [];
      const value = quoted?.replace(/\\(.)/g, "$1") ?? plain;
      return name === undefined || value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
}

const SECRET = /token|secret|passw|passphrase|credential|psk|private|(?:^|[._-])key(?:$|[._-])/i;
const REMOVED = "(removed)";

/**
 * A command line fit to be shown: without what follows ` -- `, which is init's, without values of parameters whose name
 * speaks of a secret, and without passwords inside URLs.
 */
export function publicPart(commandLine: string): string {
  const kernel = commandLine.trim().split(/\s--(?:\s|$)/)[0] ?? "";
  return (kernel.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [])
    .map((parameter) => {
      const equals = parameter.indexOf("=");
      if (equals !== -1 && SECRET.test(parameter.slice(0, equals))) return `${parameter.slice(0, equals)}=${REMOVED}`;
      return parameter.replace(/(:\/\/[^/\s:@]*):[^/\s@]*@/g, `$1:${REMOVED}@`);
    })
    .join(" ");
}
