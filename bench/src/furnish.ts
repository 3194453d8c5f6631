import type { Hub } from "@holdfast/hub";
import { bodyOf } from "@holdfast/inventory/authority/feed-rows";
import {
  CustomConfig,
  Instance,
  type Kind,
  LocalAccount,
  OperatingSystem,
  OsUpdatePolicy,
  OsUpdateRun,
  Provider,
  RepeatedSchedule,
  type Resource,
  SingleSchedule,
  siteScope,
} from "@holdfast/protocol";
import { OBSERVED_AT } from "./observed-host.ts";

/** What is furnished: a project's hosts, each with its site. */
export interface Bare {
  readonly tenant: string;
  readonly sites: readonly string[];
  readonly hosts: readonly { readonly id: string; readonly site: string }[];
}

/** Who may write everything. */
const BY = { actor: "hub" };
/** Of each kind that a project has some of, however many hosts it has. */
const SOME = 20;
/** How many instances there are to one run of an update. */
const INSTANCES_TO_A_RUN = 100;

/**
 * Gives a project what one in use has beside places and hosts: an instance of some operating system on each host, accounts,
 * configurations, policies, providers, runs of updates, and two schedules for each site.
 */
export async function furnish(hub: Hub, { tenant, sites, hosts }: Bare): Promise<void> {
  const makeSome = (kind: Kind, count: number, fields: (number: number) => Record<string, unknown>) =>
    makeMany(hub, kind, { tenant, count, fields });
  const systems = await makeSome(OperatingSystem, SOME, (number) => ({
    ...{ name: `edge os 3.0.${number}`, profileName: `edge-os-${number}`, imageId: `3.0.${number}` },
    ...{ sha256: number.toString(16).padStart(64, "0"), architecture: "x86_64", osType: "OS_TYPE_IMMUTABLE" },
  }));
  const accounts = await makeSome(LocalAccount, SOME, (number) => ({
    username: `clerk-${number}`,
    sshKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBenchBenchBenchBenchBenchBenchBenchBench clerk",
  }));
  const configs = await makeSome(CustomConfig, SOME, (number) => ({
    name: `config-${number}`,
    config: "#cloud-config\n",
  }));
  const policies = await makeSome(OsUpdatePolicy, SOME, (number) => ({
    ...{ name: `policy ${number}`, updatePolicy: "UPDATE_POLICY_TARGET", targetOsId: systems[number] },
  }));
  await makeSome(Provider, SOME, (number) => ({
    ...{ name: `provider ${number}`, providerKind: "PROVIDER_KIND_BAREMETAL", apiEndpoint: "https://rack.example/" },
  }));
  await makeSome(SingleSchedule, sites.length, (number) => ({
    ...{ name: `once ${number}`, scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE", targetSiteId: sites[number] },
    ...{ startSeconds: 1_800_000_000, endSeconds: 1_800_003_600 },
  }));
  await makeSome(RepeatedSchedule, sites.length, (number) => ({
    ...{ name: `weekly ${number}`, scheduleStatus: "SCHEDULE_STATUS_OS_UPDATE", targetSiteId: sites[number] },
    ...{
      durationSeconds: 3_600,
      cronMinutes: "0",
      cronHours: "3",
      cronDayMonth: "*",
      cronMonth: "*",
      cronDayWeek: "0",
    },
  }));
  const instances = await makeInstances(hub, { tenant, hosts }, (number) => ({
    osID: systems[number % SOME],
    localAccountID: accounts[number % SOME],
    osUpdatePolicyID: policies[number % SOME],
    customConfigID: [configs[number % SOME]],
  }));
  await makeSome(OsUpdateRun, Math.ceil(instances.length / INSTANCES_TO_A_RUN), (number) => ({
    ...{
      name: `run ${number}`,
      instanceId: instances[number * INSTANCES_TO_A_RUN],
      appliedPolicyId: policies[number % SOME],
    },
    ...{ status: number % 2 ? "updated" : "failed", startTime: 1_790_000_000, endTime: 1_790_000_600 },
  }));
}

interface Many {
  readonly tenant: string;
  readonly count: number;
  readonly fields: (number: number) => Record<string, unknown>;
}

function makeMany({ authority, store }: Hub, kind: Kind, { tenant, count, fields }: Many): Promise<string[]> {
  return store.write(async (tx) => {
    const ids: string[] = [];
    for (let number = 0; number < count; number += 1) {
      const { resource } = await authority.createIn(tx, kind, { ...BY, tenant, fields: fields(number) });
      ids.push(resource.resourceId);
    }
    return ids;
  });
}

/** The first instance goes the hub's own way; the others are its copies. */
async function makeInstances(
  { authority, store }: Hub,
  { tenant, hosts }: Pick<Bare, "tenant" | "hosts">,
  fields: (number: number) => Record<string, unknown>,
): Promise<string[]> {
  const [first] = hosts;
  if (!first) return [];
  const template = await store.write(async (tx) => {
    const wanted = { ...fields(0), hostID: first.id, desiredState: "INSTANCE_STATE_RUNNING" };
    const { resource } = await authority.createIn(tx, Instance, { ...BY, tenant, fields: wanted });
    const about = { kind: Instance, tenant, id: resource.resourceId, site: first.site };
    await authority.observeIn(tx, { ...about, observedAt: OBSERVED_AT, observedGeneration: 1, fields: RUNNING });
    return tx.get(Instance, tenant, resource.resourceId);
  });
  if (!template) throw new Error("the first instance is not there");
  const ids = [template.resourceId];
  while (ids.length < hosts.length) {
    await store.write(async (tx) => {
      for (const { id: hostID, site } of hosts.slice(ids.length, ids.length + 2_000)) {
        const number = ids.length;
        const instance = copyOf(template, { number, site, fields: { ...fields(number), hostID } });
        await tx.insert(Instance, instance);
        await tx.appendFeed(siteScope(site), Instance.name, instance.resourceId, bodyOf(Instance, instance));
        ids.push(instance.resourceId);
      }
    });
  }
  return ids;
}

const RUNNING = {
  currentState: "INSTANCE_STATE_RUNNING",
  instanceStatus: "Running",
  instanceStatusIndicator: "STATUS_INDICATION_IDLE",
};

interface Own {
  readonly number: number;
  readonly site: string;
  readonly fields: Record<string, unknown>;
}

function copyOf(template: Resource<typeof Instance>, { number, site, fields }: Own): Resource<typeof Instance> {
  const own = { resourceId: `inst-${(0x10000000 + number).toString(16)}`, creation: `seed-instance-${number}` };
  const all = { ...template.fields, ...fields } as typeof template.fields;
  return { ...template, ...own, owner: site, observedBy: site, fields: all };
}
