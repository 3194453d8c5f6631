import { defineConfig } from "vitest/config";
import { PARTS } from "./parts.ts";

const part = PARTS.find(({ name }) => name === process.env.MUTATE_PART);

export default defineConfig({
  test: { include: [...(part?.tests ?? [])], exclude: [...(part?.without ?? [])], testTimeout: 20_000 },
});
