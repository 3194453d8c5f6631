import { Host, Instance, type Kind } from "@holdfast/protocol";
import type { Condition } from "../../store/condition.ts";
import type { ListQuery, View } from "../../store/contract.ts";
import { readFilter } from "../filter/resolve.ts";
import type { Components } from "../openapi/components.ts";
import { LIST_QUERY } from "../query.ts";
import type { Resources } from "../resources.ts";
import type { Route } from "./route.ts";

const COUNT = { type: "integer", readOnly: true } as const;

export const HOST_SUMMARY_COMPONENTS: Components = {
  GetHostSummaryResponse: {
    type: "object",
    properties: {
      total: COUNT,
      error: COUNT,
      running: COUNT,
      unallocated: COUNT,
      unknown: { ...COUNT, description: "Hosts of silent sites: nobody knows whether they fail or run." },
    },
    additionalProperties: false,
  },
};

const ERROR = "STATUS_INDICATION_ERROR";

/** How many hosts there are, and how many of them fail, run, are at no site, or are out of sight. */
export function hostSummary(resources: Resources): Route[] {
  return ["compute/hosts/summary", "compute/hosts_summary"].map((path, index) => ({
    method: "GET",
    path,
    tag: "Hosts",
    operationId: `GetHostSummary${index === 0 ? "" : index + 1}`,
    summary: "How many hosts there are, and how many of them fail, run, are at no site, or are out of sight",
    query: { filter: LIST_QUERY.filter },
    readQuery: { filter: { type: "string" } },
    response: "GetHostSummaryResponse",
    handle: (call) => {
      const { filter } = call.query;
      const wanted = typeof filter === "string" ? readFilter(Host, filter) : ALL;
      return resources.read(call, async (tenantView) => {
        const within = { tenant: tenantView.tenant.id, ...(await resources.silentSites(tenantView)) };
        return summarise(tenantView.view, within, wanted);
      });
    },
  }));
}

const ALL: Condition = { is: "and", of: [] };

/** A host has at most one instance: so hosts with an instance like that are counted as instances. */
async function summarise(view: View, within: Pick<ListQuery, "tenant" | "silent">, wanted: Condition): Promise<object> {
  const count = async (kind: Kind, ...of: Condition[]) =>
    (await view.list(kind, { ...within, where: { is: "and", of }, limit: 1 })).total;
  const ofHost = through("host", wanted);
  const failing = anyError(Host);
  const hostFailing = through("host", failing);
  const total = await count(Host, wanted);
  const unallocated = await count(Host, wanted, not({ is: "has", path: ["siteId"] }));
  const failingHosts = await count(Host, wanted, failing);
  const failingInstances = await count(Instance, ofHost, anyError(Instance), not(hostFailing));
  const inSight = within.silent ? [not(through("host", UNSEEN))] : [];
  const running = await count(Instance, ofHost, RUNNING, not(anyError(Instance)), not(hostFailing), ...inSight);
  const unknown = within.silent ? await count(Host, wanted, UNSEEN) : 0;
  return { total, error: failingHosts + failingInstances, running, unallocated, unknown };
}

const RUNNING: Condition = {
  is: "compare",
  path: ["currentState"],
  operator: "equal",
  value: "INSTANCE_STATE_RUNNING",
};

const UNSEEN: Condition = { is: "unseen", path: [] };

function anyError(kind: Kind): Condition {
  const indicators = Object.keys(kind.fields).filter((name) => name.endsWith("Indicator"));
  return {
    is: "or",
    of: indicators.map((name) => ({ is: "compare", path: [name], operator: "equal", value: ERROR })),
  };
}

function not(of: Condition): Condition {
  return { is: "not", of };
}

/** The same condition on what a resource refers to. */
function through(reference: string, condition: Condition): Condition {
  switch (condition.is) {
    case "and":
    case "or":
      return { is: condition.is, of: condition.of.map((each) => through(reference, each)) };
    case "not":
      return not(through(reference, condition.of));
    case "has":
    case "compare":
    case "unseen":
      return { ...condition, path: [reference, ...condition.path] };
  }
}
