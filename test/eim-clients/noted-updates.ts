import type { TestHub } from "@holdfast/hub/hub-harness";
import { OsUpdateRun } from "@holdfast/protocol";
import type { Variables } from "./expectation.ts";

/** Lets the hub note two updates of the instance that is called `{instance}`: one as `{pinned}` has it, and one by hand. */
export async function noteUpdates({ hub }: TestHub, variables: Variables): Promise<void> {
  const tenant = await hub.store.read((view) => view.tenant(variables.get("project") ?? ""));
  if (!tenant) throw new Error("no project");
  const instanceId = variables.get("instance");
  const note = (fields: Readonly<Record<string, unknown>>) =>
    hub.authority.create(OsUpdateRun, { actor: "hub", tenant: tenant.id, fields: { instanceId, ...fields } });
  const planned = { name: "planned", status: "updated", statusIndicator: "STATUS_INDICATION_IDLE" };
  const times = { startTime: 1_763_884_800, endTime: 1_763_885_400 };
  await note({ ...planned, ...times, appliedPolicyId: variables.get("pinned") });
  await note({ name: "by-hand" });
}
