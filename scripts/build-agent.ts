// `npm run build:agent`: dist/agent/holdfast-agent-linux-{x64,arm64}, each one file that holds Node and the agent, and
// beside them SHA256SUMS and LICENCES, which go wherever they go.
// `--only x64` builds one of them; `--reuse` leaves one that was built from the same script and Node as it is;
// `--check-reproducible` builds everything twice and compares.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { bundleAgent } from "./build-agent/bundle.ts";
import { ARCHITECTURES, type Architecture, sha256Of } from "./build-agent/command.ts";
import { makeExecutable } from "./build-agent/executable.ts";
import { licencesOf } from "./build-agent/licences.ts";
import { baseNode } from "./build-agent/node-binary.ts";

const ROOT = new URL("..", import.meta.url).pathname;

interface Built {
  readonly path: string;
  readonly sha256: string;
}

interface BuildOptions {
  readonly architectures: readonly Architecture[];
  readonly directory: string;
  readonly reuse: "same" | "nothing";
}

async function build({ architectures, directory, reuse }: BuildOptions): Promise<Built[]> {
  mkdirSync(directory, { recursive: true });
  const script = join(directory, "work", "agent.cjs");
  const files = await bundleAgent(ROOT, script);
  const home = join(directory, "work", "home");
  rmSync(home, { recursive: true, force: true });
  // pkg makes the blob with the base of the machine it runs on, so that one is wanted in any case.
  const host = process.arch === "arm64" ? "arm64" : "x64";
  writeFileSync(join(directory, "LICENCES"), licencesOf(ROOT, files, join(ROOT, `node_modules/node-linux-${host}`)));
  const bases = [...new Set([host, ...architectures] as const)].map((architecture) =>
    baseNode({ root: ROOT, cache: join(ROOT, "dist/agent/cache"), architecture }),
  );
  const built: Built[] = [];
  for (const architecture of architectures) {
    const path = join(directory, `holdfast-agent-linux-${architecture}`);
    const key = sha256Of(Buffer.concat([script, ...bases.map((base) => base.path)].map((file) => readFileSync(file))));
    if (reuse === "nothing" || builtFrom(path) !== key) {
      await makeExecutable({ root: ROOT, home, script, bases, architecture, path });
      writeFileSync(`${path}.built-from`, `${key} ${sha256Of(readFileSync(path))}`);
    }
    built.push({ path, sha256: sha256Of(readFileSync(path)) });
  }
  return built;
}

/** The key of what an executable was built from; undefined when there is none, or when it is not as it was built. */
function builtFrom(path: string): string | undefined {
  if (!existsSync(path) || !existsSync(`${path}.built-from`)) return undefined;
  const [key, sha256] = readFileSync(`${path}.built-from`, "utf8").split(" ");
  return sha256 === sha256Of(readFileSync(path)) ? key : undefined;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      into: { type: "string" },
      reuse: { type: "boolean" },
      "check-reproducible": { type: "boolean" },
    },
  });
  const wanted = ARCHITECTURES.filter((architecture) => values.only === undefined || values.only === architecture);
  if (wanted.length === 0) throw new Error(`--only ${values.only}: not one of ${ARCHITECTURES.join(", ")}`);
  const directory = resolve(values.into ?? join(ROOT, "dist/agent"));
  const built = await build({ architectures: wanted, directory, reuse: values.reuse ? "same" : "nothing" });
  const sums = built.map(({ path, sha256 }) => `${sha256}  ${path.slice(directory.length + 1)}\n`).join("");
  writeFileSync(join(directory, "SHA256SUMS"), sums);
  process.stdout.write(sums);
  if (!values["check-reproducible"]) return;
  const again = await build({ architectures: wanted, directory: join(ROOT, "dist/agent/again"), reuse: "nothing" });
  for (const [index, { path, sha256 }] of built.entries()) {
    if (again[index]?.sha256 !== sha256) throw new Error(`${path} is ${sha256}, built again ${again[index]?.sha256}`);
  }
  rmSync(join(ROOT, "dist/agent/again"), { recursive: true });
  console.log("built twice, byte for byte the same");
}

await main().catch((error: unknown) => {
  console.error(`build-agent: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
