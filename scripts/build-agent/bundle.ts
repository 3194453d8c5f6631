import { build } from "esbuild";

/** What the agent's dependencies try to load and do without. */
const OPTIONAL = ["bufferutil", "utf-8-validate", "osx-temperature-sensor"];

/** The agent with all it imports as one CommonJS script, the form that a Node executable carries. */
export async function bundleAgent(root: string, outfile: string): Promise<void> {
  const { warnings } = await build({
    absWorkingDir: root,
    entryPoints: ["agent/src/main.ts"],
    outfile,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    legalComments: "none",
    external: OPTIONAL,
    logLevel: "silent",
  });
  const [first] = warnings;
  if (first) throw new Error(`bundling the agent: ${first.location?.file}:${first.location?.line}: ${first.text}`);
}
