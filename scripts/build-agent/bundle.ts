import { build } from "esbuild";

/** What the agent's dependencies try to load and do without. */
const OPTIONAL = ["bufferutil", "utf-8-validate", "osx-temperature-sensor"];

/**
 * Before anything else: keeps V8's nursery at the size it starts with. An agent allocates little and lives long; this
 * takes 7 MB off its 97, and a larger nursery would only spare it collections that it does not notice.
 */
const FIRST = 'require("node:v8").setFlagsFromString("--semi-space-growth-factor=1");';

/**
 * The agent with all it imports as one CommonJS script, the form that a Node executable carries. Resolves to the files
 * that it was made of, by their path from `root`.
 */
export async function bundleAgent(root: string, outfile: string): Promise<readonly string[]> {
  const { warnings, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["agent/src/main.ts"],
    outfile,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    metafile: true,
    // They go with the executable, whole: see licences.ts.
    legalComments: "none",
    external: OPTIONAL,
    banner: { js: FIRST },
    logLevel: "silent",
  });
  const [first] = warnings;
  if (first) throw new Error(`bundling the agent: ${first.location?.file}:${first.location?.line}: ${first.text}`);
  return Object.keys(metafile.inputs);
}
