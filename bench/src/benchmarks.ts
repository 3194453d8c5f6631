import { agentCost } from "./agent-cost.ts";
import type { Benchmark } from "./benchmark.ts";
import { brokerPublish } from "./broker-publish.ts";
import { cliLists } from "./cli-lists.ts";
import { getHost } from "./get-host.ts";
import { hubMemory } from "./hub-memory.ts";
import { initialSync } from "./initial-sync.ts";
import { listHosts } from "./list-hosts.ts";
import { liveLatency } from "./live-latency.ts";
import { readsWhileDraining } from "./reads-while-draining.ts";
import { siteMemory } from "./site-memory.ts";
import { uplinkApply } from "./uplink-apply.ts";
import { wanIdle } from "./wan-idle.ts";

/** Every benchmark, in the order of the budgets. */
export const BENCHMARKS: readonly Benchmark[] = [
  initialSync,
  liveLatency,
  getHost,
  listHosts,
  cliLists,
  brokerPublish,
  hubMemory,
  siteMemory,
  agentCost,
  wanIdle,
  readsWhileDraining,
  uplinkApply,
];
