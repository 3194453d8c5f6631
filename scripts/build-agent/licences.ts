import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const LICENCE = /^(licen[cs]e|copying|notice)(\.|-|$)/i;

/**
 * The licences of other people's packages that an executable holds, which ask to go with it: those that the bundled files
 * came from, and Node. Files are given by their path from `root`. Throws when a package names no licence.
 */
export function licencesOf(root: string, files: readonly string[], node: string): string {
  const bundled = files.filter((file) => file.includes("node_modules/")).map((file) => packageAbove(join(root, file)));
  const packages = [...new Set(bundled)].sort();
  // One package may be there twice, in two places.
  return [...new Set([...packages, node].map(chapter))].join("\n");
}

function chapter(directory: string): string {
  const about: { name: string; version: string; license?: string } = JSON.parse(
    readFileSync(join(directory, "package.json"), "utf8"),
  );
  if (about.license === undefined) throw new Error(`${about.name} names no licence`);
  const texts = readdirSync(directory).filter((name) => LICENCE.test(name));
  const heading = `${about.name} ${about.version} (${about.license})`;
  return [heading, "=".repeat(heading.length), ...texts.map((name) => readFileSync(join(directory, name), "utf8"))]
    .map((text) => text.trim())
    .join("\n\n")
    .concat("\n");
}

function packageAbove(file: string): string {
  let directory = dirname(file);
  // A package may have more of them inside, which say only how its files are to be read.
  while (!isPackage(join(directory, "package.json"))) directory = dirname(directory);
  return directory;
}

function isPackage(path: string): boolean {
  return existsSync(path) && JSON.parse(readFileSync(path, "utf8")).version !== undefined;
}
