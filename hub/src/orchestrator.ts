import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { documented } from "./documented.ts";
import { VERSION } from "./version.ts";

const installed = { installed: true };

/** As EIM's command line reads it at sign-in: commands of what is not named here are not even there. */
const ORCHESTRATOR = {
  "schema-version": "1.0",
  orchestrator: {
    version: VERSION,
    features: {
      "edge-infrastructure-manager": {
        ...installed,
        onboarding: installed,
        provisioning: installed,
        day2: installed,
      },
      multitenancy: installed,
    },
  },
};

const GET_ORCHESTRATOR = documented({
  tag: "Orchestrator",
  operationId: "GetOrchestrator",
  summary: "Which features there are, for EIM's command line",
  answer: Type.Object({
    "schema-version": Type.String(),
    orchestrator: Type.Object({ version: Type.String(), features: Type.Record(Type.String(), Type.Unknown()) }),
  }),
});

/** `GET /v1/orchestrator`, for whoever has signed in. */
export function orchestratorRoute(app: FastifyInstance): void {
  app.get("/v1/orchestrator", { config: { needs: "own" }, schema: GET_ORCHESTRATOR }, async () => ORCHESTRATOR);
}
