import type { Tree } from "./tree.ts";

/**
 * What udev found out about a device and sysfs does not show, of the properties named. `kind` is "b" or "c", `number` the
 * device number as in sysfs, "8:0". Empty where there is no udev, as in the installer.
 */
export async function readUdevProperties(
  tree: Tree,
  kind: "b" | "c",
  number: string | undefined,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const properties = new Map<string, string>();
  if (!/^\d{1,8}:\d{1,8}$/.test(number ?? "")) return properties;
  const wanted = (line: string) => names.some((name) => line.startsWith(`E:${name}=`));
  const scrub = (content: Buffer) => Buffer.from(content.toString("utf8").split("\n").filter(wanted).join("\n"));
  const text = await tree.text(`/run/udev/data/${kind}${number}`, { scrub });
  for (const line of text?.split("\n") ?? []) {
    const equals = line.indexOf("=");
    properties.set(line.slice(2, equals), line.slice(equals + 1));
  }
  return properties;
}
