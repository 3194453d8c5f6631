import { DOWN } from "@holdfast/protocol/topics";
import type { Calls } from "./calls.ts";
import type { DesiredState } from "./desired.ts";
import type { Jobs } from "./jobs.ts";

export interface Receivers {
  readonly desired: Pick<DesiredState, "receive">;
  readonly jobs: Jobs;
  readonly calls: Calls;
}

/** Hands what the site says to the part that it is for, by the topic below the host's prefix. */
export function dispatch({ desired, jobs, calls }: Receivers): (leaf: string, payload: Uint8Array) => void {
  return (leaf, payload) => {
    if (leaf === DOWN.desired) return desired.receive(payload);
    if (leaf === DOWN.nextJob) return jobs.receive(payload);
    const [first, request, operation, ...rest] = leaf.split("/");
    if (first === "req" && request !== undefined && operation !== undefined && rest.length === 0) {
      void calls.receive(request, operation, payload);
    }
  };
}
