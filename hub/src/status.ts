import type { DiskWatch, Store } from "@holdfast/inventory";
import { ownStatusRoute } from "@holdfast/inventory/api/status-route";
import type { Clock } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import { epochOf } from "./epoch-of.ts";
import { authenticateOperator } from "./tokens/bearer.ts";
import type { Tokens } from "./tokens/tokens.ts";
import { VERSION } from "./version.ts";

interface HubStatusParts {
  readonly store: Pick<Store, "read">;
  readonly disk: Pick<DiskWatch, "trouble">;
  readonly tokens: Pick<Tokens, "bearer">;
  readonly clock: Pick<Clock, "now">;
}

/** `GET /v1/status` at the hub. Times are milliseconds since the epoch; `disk` is null while it takes what is written. */
export function hubStatusRoute(app: FastifyInstance, { store, disk, tokens, clock }: HubStatusParts): void {
  ownStatusRoute(app, {
    operationId: "GetHubStatus",
    summary: "Which life of the hub this is, and whether its disk takes what is written",
    authenticate: (request) => authenticateOperator(tokens, request),
    status: async () => ({
      version: VERSION,
      now: clock.now(),
      epoch: await store.read(epochOf),
      disk: disk.trouble ?? null,
    }),
  });
}
