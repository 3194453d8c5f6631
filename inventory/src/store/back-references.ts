import type { Kind } from "@holdfast/protocol";

/** A resource shows what refers to it: a host its instance. Not where it is itself embedded, or there would be no end. */
export interface BackReference {
  readonly name: string;
  readonly from: string;
  readonly by: string;
  readonly many: boolean;
}

const BACK_REFERENCES: Readonly<Record<string, readonly BackReference[]>> = {
  host: [{ name: "instance", from: "instance", by: "hostID", many: false }],
  instance: [{ name: "workloadMembers", from: "workload_member", by: "instanceId", many: true }],
  workload: [{ name: "members", from: "workload_member", by: "workloadId", many: true }],
};

/** What refers to resources of a kind and is shown with them, and asked about through them. */
export function backReferencesOf(kind: Kind): readonly BackReference[] {
  return BACK_REFERENCES[kind.name] ?? [];
}
