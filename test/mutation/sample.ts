// A plugin of Stryker's, of which nothing is imported: it is installed only where somebody runs it.
import { createHash } from "node:crypto";

export interface Sample {
  readonly seed: string;
  /** Of 1. */
  readonly share: number;
}

/** Whether the changes of a line are tried: the same lines for the same seed, more of them for a greater share. */
export function isInSample({ seed, share }: Sample, file: string, line: number): boolean {
  const drawn = createHash("sha256").update(`${seed} ${file} ${line}`).digest().readUInt32BE();
  return drawn / 2 ** 32 < share;
}

interface Position {
  readonly line: number;
}

/** Where Stryker is in a file, as far as it matters here. */
interface Place {
  readonly node: { readonly type: string; readonly loc?: { readonly start: Position; readonly end: Position } | null };
  readonly hub?: { readonly file?: { readonly opts?: { readonly filename?: string } } };
}

const sample: Sample = { seed: process.env.MUTATE_SEED ?? "1", share: Number(process.env.MUTATE_SHARE ?? 1) };

/** Leaves out what is on lines that are not drawn. What takes several lines is left out only line by line. */
export const strykerPlugins = [
  {
    kind: "Ignore",
    name: "sample",
    value: {
      shouldIgnore({ node, hub }: Place): string | undefined {
        const { loc, type } = node;
        if (!loc || type === "Program" || type === "File" || loc.start.line !== loc.end.line) return undefined;
        const file = hub?.file?.opts?.filename ?? "";
        return isInSample(sample, fromRoot(file), loc.start.line) ? undefined : "not of the sample";
      },
    },
  },
];

/** A file's path as it is in the repository, wherever a copy of it is. */
export function fromRoot(path: string): string {
  return path.replace(/^.*\/(?=(hub|site-node)\/src\/)/, "");
}
