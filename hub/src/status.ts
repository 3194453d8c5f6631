import type { DiskWatch, Store } from "@holdfast/inventory";
import type { Principal } from "@holdfast/inventory/api/principal";
import { ownStatusRoute } from "@holdfast/inventory/api/status-route";
import type { Clock } from "@holdfast/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { epochOf } from "./epoch-of.ts";
import { VERSION } from "./version.ts";

interface HubStatusParts {
  readonly store: Pick<Store, "read">;
  readonly disk: Pick<DiskWatch, "trouble">;
  readonly authenticate: (request: FastifyRequest) => Promise<Principal>;
  readonly clock: Pick<Clock, "now">;
}

/** `GET /v1/status` at the hub. Times are milliseconds since the epoch; `disk` is null while it takes what is written. */
export function hubStatusRoute(app: FastifyInstance, { store, disk, authenticate, clock }: HubStatusParts): void {
  ownStatusRoute(app, {
    operationId: "GetHubStatus",
    summary: "Which life of the hub this is, and whether its disk takes what is written",
    authenticate,
    status: async () => ({
      version: VERSION,
      now: clock.now(),
      epoch: await store.read(epochOf),
      disk: disk.trouble ?? null,
    }),
  });
}
