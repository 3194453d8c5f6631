import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHub } from "@holdfast/hub";
import { HubConfig } from "@holdfast/hub/config";
import { silentLog, systemClock } from "@holdfast/runtime";
import { Value } from "typebox/value";
import type { Target } from "./sending.ts";

/** A hub of the attack's own, which gives every sequence of requests a project of its own. */
export async function hubUnderAttack(): Promise<{ url: string; target: () => Promise<Target> } & AsyncDisposable> {
  const home = mkdtempSync(join(tmpdir(), "holdfast-api-fuzz-"));
  const defaults = Value.Default(HubConfig, {}) as HubConfig;
  const hub = await createHub(
    { ...defaults, home, hubPort: 0, requestsPerSecond: 0, logLevel: "silent" },
    { clock: systemClock, log: silentLog },
  );
  const writer = readFileSync(join(home, "operator-token"), "utf8").trim();
  const { token: reader } = await hub.tokens.createOperator({ name: "reader", role: "read", tenants: "all" });
  const tokens = { writer, reader, nobody: undefined, somebody: "hfo_nobody-knows-this-one" };
  return {
    url: hub.url,
    target: async () => {
      const project = `p-${randomUUID()}`;
      await hub.authority.createTenant({ actor: "operator:fuzz", name: project });
      return { url: hub.url, project, tokens };
    },
    async [Symbol.asyncDispose]() {
      await hub.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
