import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { planting } from "./test/planted/in-vitest.ts";

export default defineConfig({
  plugins: [planting()],
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [
            "{protocol,runtime,inventory,hub,site-node,agent,cli,bench}/src/**/*.test.ts",
            "test/{api-fuzz,cli,eim-clients,mutation,planted}/**/*.test.ts",
          ],
          // No file leaves anything behind in what it imports, and importing all of it anew for each is a third of the time.
          isolate: false,
          // Half the time these wait for flushes of the disk and for each other's messages: one worker on two cores leaves one idle.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: "world",
          include: ["test/{scenarios,simulation}/**/*.test.ts"],
          setupFiles: ["test/world/simulated.ts"],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: { name: "parsers", include: ["test/parsers/**/*.test.ts"], testTimeout: 120_000 },
      },
      {
        extends: true,
        test: { name: "histories", include: ["test/trial/**/*.test.ts"], fileParallelism: false },
      },
      {
        extends: true,
        test: {
          name: "process",
          include: ["test/process/**/*.test.ts", "test/soak/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
