import type { Part } from "./parts.ts";

/** What Stryker is told: to change these files of a part, and to ask of each change the tests that come to it. */
export function settingsFor(part: Part, files: readonly string[], folder: string): object {
  return {
    mutate: [...(files.length > 0 ? files : part.mutated), "!**/*.test.ts"],
    testRunner: "vitest",
    vitest: { configFile: "test/mutation/vitest.config.ts", related: false },
    coverageAnalysis: "perTest",
    // What runs when a module is loaded is seen by every test: each such change would take all of them.
    ignoreStatic: true,
    // Sentences, and objects left empty, say more of how tests quote than of what they notice.
    mutator: { excludedMutations: ["StringLiteral", "ObjectLiteral"] },
    plugins: [
      "@stryker-mutator/vitest-runner",
      `${import.meta.dirname}/results.ts`,
      `${import.meta.dirname}/sample.ts`,
    ],
    reporters: ["lines", "progress-append-only"],
    ignorers: ["sample"],
    timeoutMS: 8_000,
    // All tests once, unchanged: on a computer that has other things to do that is more than Stryker's five minutes.
    dryRunTimeoutMinutes: 30,
    tempDirName: `${folder}/copy`,
    // Links that lead nowhere are among the captured trees, and of the rest no unit test reads anything.
    ignorePatterns: ["docs", "images", "bench", "agent/fixtures/trees", ".holdfast", ".tsc"],
    // TypeScript 7 has no API by which Stryker could rewrite its settings, and type stripping asks for none.
    tsconfigFile: "none.json",
    allowConsoleColors: false,
  };
}
