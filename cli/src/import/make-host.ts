import type { Api, Shown } from "../api.ts";
import { Refusal } from "../faults.ts";
import type { Plan } from "./preflight.ts";

const HOSTS = "compute/hosts";
/** Hosts with the same serial number that are looked through: some makers give all of theirs the same. */
const CANDIDATES = 100;

/**
 * Makes what a row asks for and returns the host's id. A machine that is there already is recognised by all that the row knows it
 * by, and gets what it lacks; it keeps its name, and one that has been put elsewhere is refused. Throws a Refusal.
 */
export async function makeHost(api: Api, plan: Plan): Promise<string> {
  const host = await registered(api, plan);
  const id = String(host.resourceId);
  const { siteId, metadata } = plan;
  if (siteId !== undefined && host.siteId && host.siteId !== siteId) {
    throw failed(`${id} is at the site ${String(host.siteId)} already`);
  }
  if (plan.osId !== undefined) await installed(api, plan, host);
  await api.send("PATCH", `${HOSTS}/${id}`, {
    name: host.name || id,
    ...(siteId === undefined ? {} : { siteId }),
    ...(metadata.length === 0 ? {} : { metadata }),
  });
  return id;
}

/**
 * Looks first: of two machines with the same serial number the API refuses the second only when neither is known by a UUID, and
 * one that was imported by its serial number may have told its UUID since.
 */
async function registered(api: Api, plan: Plan): Promise<Shown> {
  const { serial: serialNumber, uuid, lvmSize } = plan;
  const [there, ...more] = await machinesLike(plan, api);
  if (more.length > 0) throw failed(`${more.length + 1} hosts have this serial number: tell the UUID, too`);
  if (there) return there;
  const size = lvmSize === undefined ? {} : { userLvmSize: lvmSize };
  return api.send("POST", `${HOSTS}/register`, { name: "", serialNumber, uuid, autoOnboard: true, ...size });
}

/** The hosts that have all that the row tells. */
async function machinesLike({ serial, uuid }: Plan, api: Api): Promise<readonly Shown[]> {
  // UUIDs are the same in either case, and only a filter compares them so.
  const told = serial === "" ? { filter: `uuid='${uuid}'` } : { match: `serialNumber:${serial}` };
  const { resources } = await api.list({ path: HOSTS, key: "hosts" }, told, CANDIDATES);
  return resources.filter((host) => uuid === "" || String(host.uuid).toLowerCase() === uuid);
}

async function installed(api: Api, plan: Plan, host: Shown): Promise<void> {
  const { osId: osID, accountId, configIds, securityFeature } = plan;
  const instance = host.instance as Shown | null | undefined;
  if (instance) {
    if (instance.osID === osID) return;
    throw failed(`${String(host.resourceId)} has another operating system already: ${String(instance.osID)}`);
  }
  await api.send("POST", "compute/instances", {
    ...{ hostID: host.resourceId, osID, securityFeature, kind: "INSTANCE_KIND_UNSPECIFIED" },
    ...(accountId === undefined ? {} : { localAccountID: accountId }),
    ...(configIds.length === 0 ? {} : { customConfigID: configIds }),
  });
}

function failed(message: string): Refusal {
  return new Refusal("FailedPrecondition", { status: 400, message });
}
