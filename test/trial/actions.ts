import type { Machine } from "../world/machine.ts";
import type { Json } from "../world/request.ts";
import type { WorldSite } from "../world/site.ts";
import type { Party } from "./operators.ts";
import { HOSTS, INSTANCES, PROJECT, type Seen, type Trial } from "./trial.ts";

/** What a step is about; `which` is a number to choose by. */
export interface About {
  readonly machine: Machine;
  readonly site: WorldSite;
  readonly which: number;
}
export interface Step {
  readonly do: (trial: Trial, about: About) => Promise<unknown> | unknown;
  /** How often it happens, against the others. */
  readonly weight: number;
  /** Whether it is a fault rather than what people and machines do. */
  readonly isFault?: true;
  /** Whether nothing else happens meanwhile. */
  readonly isAlone?: true;
}
export type Steps = Readonly<Record<string, Step>>;

const HOUR = 3_600_000;
const POWER = ["POWER_STATE_ON", "POWER_STATE_OFF"];

function power({ which }: About) {
  return { desiredPowerState: POWER[which % 2] };
}

function atHost({ machine }: About): string {
  return `${HOSTS}/${machine.known}`;
}

function freshSerial(trial: Trial): string {
  return `SN${String(trial.next()).padStart(6, "0")}`;
}

async function makeInstance(trial: Trial, at: Party, { machine }: About): Promise<void> {
  const fixed = { kind: "INSTANCE_KIND_METAL", securityFeature: "SECURITY_FEATURE_NONE" };
  await trial.ask(at, "POST", INSTANCES, { name: "web", hostID: machine.known, osID: trial.os, ...fixed });
}

async function deleteInstance(trial: Trial, at: Party): Promise<void> {
  const listed = await trial.ask(at, "GET", INSTANCES);
  const id = listed?.body?.instances?.[0]?.resourceId;
  if (id) await trial.ask(at, "DELETE", `${INSTANCES}/${id}`);
}

/** Writes one after the other, as scripts do, to a machine and to what was registered for one to come. */
async function script(trial: Trial, at: Party, { machine, which }: About): Promise<void> {
  for (const host of [machine.known, trial.registeredOne(which)]) {
    let seen: Seen | undefined;
    for (let times = 0; times < 5 + (which % 15); times += 1) {
      seen = await trial.write(at, host, times % 2 === 0 ? "name" : "metadata", { seen });
      // Refused, or not heard of: it does not insist.
      if (!seen) break;
    }
  }
}

/** What machines and the people at them do. */
const MACHINES: Steps = {
  "a machine is switched on": {
    weight: 8,
    do: async (_, { machine }) => {
      if (!machine.isOn) await machine.boot();
    },
  },
  "a machine is shut down": {
    weight: 4,
    do: async (_, { machine }) => {
      if (machine.isOn) await machine.shutDown();
    },
  },
  "a night passes": {
    weight: 2.5,
    isAlone: true,
    do: async ({ world, machines }, { which }) => {
      // Most sites close, and switch off what they do not need.
      if (which % 10 >= 8) return world.clock.advance((1 + (which % 3)) * HOUR);
      for (const machine of machines) if (machine.isOn) await machine.shutDown();
      await world.clock.idle((6 + (which % 60)) * HOUR);
    },
  },
  "a machine loses a disk": { weight: 1, do: (_, { machine }) => machine.removeDisk("nvme0n1") },
};

/** What operators do. */
const WRITES: Steps = {
  "a host is renamed at the hub": {
    weight: 14,
    do: (trial, { machine }) => trial.write(trial.world.hub, machine.known, "name"),
  },
  "a host is renamed at a site": {
    weight: 14,
    do: (trial, { machine, site }) => trial.write(site, machine.known, "name"),
  },
  "a host is labelled at the hub": {
    weight: 14,
    do: (trial, { machine }) => trial.write(trial.world.hub, machine.known, "metadata"),
  },
  "a host is labelled at a site": {
    weight: 14,
    do: (trial, { machine, site }) => trial.write(site, machine.known, "metadata"),
  },
  "a script goes through the hosts at the hub": {
    weight: 14,
    do: (trial, about) => script(trial, trial.world.hub, about),
  },
  "a script goes through the hosts at a site": { weight: 14, do: (trial, about) => script(trial, about.site, about) },
  "power is wanted at the hub": {
    weight: 3,
    do: (trial, about) => trial.ask(trial.world.hub, "PATCH", atHost(about), power(about)),
  },
  "power is wanted at a site": {
    weight: 3,
    do: (trial, about) => trial.ask(about.site, "PATCH", atHost(about), power(about)),
  },
  "a conflict is resolved at the hub": { weight: 5, do: (trial, { which }) => trial.choose(trial.world.hub, which) },
  "a conflict is resolved at a site": { weight: 5, do: (trial, { site, which }) => trial.choose(site, which) },
  "a command is given at the hub": {
    weight: 5,
    do: (trial, { machine, which }) => trial.command(trial.world.hub, machine, which),
  },
  "a command is given at a site": {
    weight: 5,
    do: (trial, { site, machine, which }) => trial.command(site, machine, which),
  },
  "an instance is made at the hub": { weight: 3, do: (trial, about) => makeInstance(trial, trial.world.hub, about) },
  "an instance is made at a site": { weight: 3, do: (trial, about) => makeInstance(trial, about.site, about) },
  "an instance is deleted at the hub": { weight: 2, do: (trial) => deleteInstance(trial, trial.world.hub) },
  "an instance is deleted at a site": { weight: 2, do: (trial, { site }) => deleteInstance(trial, site) },
  "a host is registered at a site": {
    weight: 4,
    do: (trial, { site }) => trial.register([site], freshSerial(trial)),
  },
  "a host is registered at the hub": {
    weight: 3,
    do: (trial) => trial.register([trial.world.hub], freshSerial(trial)),
  },
  "the same host is registered on both sides": {
    weight: 2,
    do: (trial, { site }) => trial.register([site, trial.world.hub], freshSerial(trial)),
  },
  "what was registered is renamed": {
    weight: 6,
    do: (trial, { site, which }) =>
      trial.write(which % 2 === 0 ? trial.world.hub : site, trial.registeredOne(which >> 1), "name"),
  },
  "what was registered is deleted": { weight: 2, do: (trial, { which }) => trial.delete(trial.registeredOne(which)) },
  "a host is invalidated": {
    weight: 0.5,
    do: (trial, about) => trial.ask(trial.world.hub, "PUT", `${atHost(about)}/invalidate?note=stolen`),
  },
  "a host is deleted": { weight: 0.5, do: (trial, { machine }) => trial.delete(machine.known) },
  "a region is made": {
    weight: 1,
    do: (trial) => trial.ask(trial.world.hub, "POST", `${PROJECT}/regions`, { name: `region ${trial.next()}` }),
  },
};

/** What needs more than one site. */
export const MOVES: Steps = {
  "a host is moved": {
    weight: 4,
    do: (trial, { machine, site }) =>
      trial.ask(trial.world.hub, "PATCH", `${HOSTS}/${machine.known}`, { siteId: site.id }),
  },
  "a host is wanted nowhere": {
    weight: 1,
    do: (trial, { machine }) => trial.ask(trial.world.hub, "PATCH", `${HOSTS}/${machine.known}`, { siteId: "" }),
  },
  "a machine is carried": { weight: 3, do: (_, { machine, site }) => machine.carryTo(site) },
  "a host is rehomed": {
    weight: 2,
    do: (trial, { machine, site }) =>
      trial.ask(trial.world.hub, "POST", `${HOSTS}/${machine.known}/rehome`, { siteId: site.id }),
  },
  "a move is forced": {
    weight: 1,
    do: (trial, { machine }) => trial.ask(trial.world.hub, "POST", `${HOSTS}/${machine.known}/force-release`, {}),
  },
  "a host is claimed at a site": {
    weight: 3,
    do: async (trial, { site }) => {
      const listed = await trial.ask(site, "GET", HOSTS);
      const free = (listed?.body?.hosts ?? []).find(({ siteId }: Json) => !siteId);
      if (free) await trial.ask(site, "PATCH", `${HOSTS}/${free.resourceId}`, { siteId: site.id });
    },
  },
};

export const ACTIONS: Steps = { ...MACHINES, ...WRITES };
