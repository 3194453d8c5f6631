import assert from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@holdfast/runtime";
import { afterAll, expect, test as vitestTest } from "vitest";
import { DEFAULT_LIMITS } from "./limits.ts";
import { SqlitePersistence } from "./persistence.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-broker-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const persistence = () =>
  new SqlitePersistence({ path: join(folder, `${files++}.db`), limits: DEFAULT_LIMITS, log: silentLog });

/** As much of node:test's context as the suite uses; `plan` counts the assertions made. */
function test(name: string, run: (context: unknown) => Promise<void>): void {
  vitestTest(name, async () => {
    let planned: number | undefined;
    let made = 0;
    const counting = new Proxy(assert, {
      get: (target, key) => {
        const check: unknown = Reflect.get(target, key);
        if (typeof check !== "function") return check;
        return (...given: unknown[]) => {
          made++;
          return check(...given);
        };
      },
    });
    const plan = (count: number) => {
      planned = count;
    };
    await run({ assert: counting, plan, diagnostic: () => undefined });
    if (planned !== undefined) expect(made).toBe(planned);
  });
}

const suite: unknown = createRequire(import.meta.url)("aedes-persistence/abstract.js");
if (typeof suite !== "function") throw new Error("aedes-persistence has no abstract tests");
suite({ test, persistence, testAsync: true });
