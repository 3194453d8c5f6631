import { administer } from "@holdfast/hub/administer";
import type { WorldHub } from "./hub.ts";
import type { Machine } from "./machine.ts";
import type { Json } from "./request.ts";
import type { WorldSite } from "./site.ts";
import { HOSTS, type Story } from "./story.ts";

const PROJECT = "/v1/projects/default";
const INSTANCES = `${PROJECT}/compute/instances`;

/** What a step is about; `which` is a number to choose by. */
export interface About {
  readonly machine: Machine;
  readonly site: WorldSite;
  readonly which: number;
}
export type Step = (story: Story, about: About) => Promise<unknown> | unknown;
export type Steps = Readonly<Record<string, Step>>;

const POWER = ["POWER_STATE_ON", "POWER_STATE_OFF"];

function power({ which }: About) {
  return { desiredPowerState: POWER[which % 2] };
}

function instance({ os }: Story, { machine }: About) {
  const fixed = { kind: "INSTANCE_KIND_METAL", securityFeature: "SECURITY_FEATURE_NONE" };
  return { name: "web", hostID: machine.known, osID: os, ...fixed };
}

async function deleteInstance(at: WorldHub | WorldSite) {
  const { body } = await at.request("GET", INSTANCES);
  const id = body?.instances?.[0]?.resourceId;
  if (id) await at.request("DELETE", `${INSTANCES}/${id}`);
}

async function command(story: Story, at: WorldHub | WorldSite, { machine, which }: About) {
  const name = which % 2 === 0 ? "identify" : "reset";
  const { status } = await at.request("POST", `${HOSTS}/${machine.known}/commands`, { command: name });
  if (status === 200 && name === "reset") story.resets.set(machine, (story.resets.get(machine) ?? 0) + 1);
}

/** What may happen. Each step is asked for and not waited for, so that steps meet in the middle. */
export const STEPS = {
  "a machine is switched on": async (_, { machine }) => {
    if (!machine.isOn) await machine.boot();
  },
  "a machine's plug is pulled": async (_, { machine }) => {
    if (machine.isOn) await machine.kill();
  },
  "a machine is shut down": async (_, { machine }) => {
    if (machine.isOn) await machine.shutDown();
  },
  "a machine loses a disk": (_, { machine }) => machine.removeDisk("nvme0n1"),
  "a host is renamed at the hub": (story, { machine }) => story.write(story.world.hub, machine.known, "name"),
  "a host is renamed at a site": (story, { machine, site }) => story.write(site, machine.known, "name"),
  "a host is labelled at the hub": (story, { machine }) => story.write(story.world.hub, machine.known, "metadata"),
  "a host is labelled at a site": (story, { machine, site }) => story.write(site, machine.known, "metadata"),
  "power is wanted at the hub": ({ world }, about) =>
    world.hub.request("PATCH", `${HOSTS}/${about.machine.known}`, power(about)),
  "power is wanted at a site": (_, about) =>
    about.site.request("PATCH", `${HOSTS}/${about.machine.known}`, power(about)),
  "a conflict is resolved at the hub": (story, { which }) => story.choose(story.world.hub, which),
  "a conflict is resolved at a site": (story, { site, which }) => story.choose(site, which),
  "a command is given at the hub": (story, about) => command(story, story.world.hub, about),
  "a command is given at a site": (story, about) => command(story, about.site, about),
  "an instance is made at the hub": (story, about) =>
    story.world.hub.request("POST", INSTANCES, instance(story, about)),
  "an instance is made at a site": (story, about) => about.site.request("POST", INSTANCES, instance(story, about)),
  "an instance is deleted at the hub": ({ world }) => deleteInstance(world.hub),
  "an instance is deleted at a site": (_, { site }) => deleteInstance(site),
  "a host is registered at a site": async (story, { site }) => {
    const serialNumber = `SN${String(story.next()).padStart(6, "0")}`;
    await site.request("POST", `${HOSTS}/register`, { name: "registered", serialNumber });
  },
  "the same host is registered on both sides": async (story, { site }) => {
    const serialNumber = `SN${String(story.next()).padStart(6, "0")}`;
    await site.request("POST", `${HOSTS}/register`, { name: "by-site", serialNumber });
    await story.world.hub.request("POST", `${HOSTS}/register`, { name: "by-hub", serialNumber });
  },
  "a host is invalidated": ({ world }, { machine }) =>
    world.hub.request("PUT", `${HOSTS}/${machine.known}/invalidate?note=stolen`),
  "a host is deleted": ({ world }, { machine }) => world.hub.request("DELETE", `${HOSTS}/${machine.known}`),
  "a link is cut": (_, { site }) => site.wan.cut(),
  "a link is back": (_, { site }) => site.wan.restore(),
  "a feed is lost": (_, { site }) => site.wan.loseFeed(),
  "the hub's answers are lost": (_, { site }) => site.wan.loseAnswers(2),
  "a site-node restarts": (_, { site }) => site.restart(),
  "the hub restarts": ({ world }) => world.hub.restart(),
  "a little time passes": ({ world }) => world.clock.advance(3_000),
  "a minute passes": ({ world }) => world.clock.advance(60_000),
} satisfies Steps;

export const DISASTERS = {
  "the hub's disk is copied": async (story) => {
    story.hubBefore = await story.world.hub.snapshot();
  },
  "the hub is rolled back": async (story) => {
    const before = story.hubBefore;
    if (before) await story.disaster(() => story.world.hub.rollBackTo(before));
  },
  "the hub is backed up": async (story) => {
    const file = `${story.world.hub.home}-backup-${story.next()}`;
    await administer("backup", { arguments: [file, "--home", story.world.hub.home], environment: {} });
    story.backup = file;
  },
  "the hub is restored from its backup": async (story) => {
    const { backup } = story;
    const { hub } = story.world;
    if (backup === undefined) return;
    await story.disaster(async () => {
      await hub.stop();
      await administer("restore", { arguments: [backup, "--home", hub.home], environment: {} });
      await hub.start();
    });
    for (const name of story.sites) story.held.add(name);
  },
  "a site's disk is copied": async (story, { site }) => {
    story.siteBefore.set(site.name, await site.snapshot());
  },
  "a site is rolled back": async (story, { site }) => {
    const before = story.siteBefore.get(site.name);
    if (!before) return;
    story.anySiteRolledBack = true;
    await story.disaster(() => site.rollBackTo(before));
  },
  "a site's disk is lost": async (story, { site }) => {
    await story.disaster(() => site.loseDisk());
    story.held.add(site.name);
  },
  "a hold is released at the hub": async (story, { site }) => {
    await story.world.hub.request("DELETE", `${PROJECT}/sites/${site.id}/hold`);
    story.held.delete(site.name);
  },
  "a hold is released at a site": async (story, { site }) => {
    await site.request("DELETE", `${PROJECT}/sites/${site.id}/hold`);
    story.held.delete(site.name);
  },
} satisfies Steps;

export const MOVES = {
  "a host is moved": ({ world }, { machine, site }) =>
    world.hub.request("PATCH", `${HOSTS}/${machine.known}`, { siteId: site.id }),
  "a host is wanted nowhere": ({ world }, { machine }) =>
    world.hub.request("PATCH", `${HOSTS}/${machine.known}`, { siteId: "" }),
  "a machine is carried": (_, { machine, site }) => machine.carryTo(site),
  "a host is rehomed": ({ world }, { machine, site }) =>
    world.hub.request("POST", `${HOSTS}/${machine.known}/rehome`, { siteId: site.id }),
  "a move is forced": ({ world }, { machine }) =>
    world.hub.request("POST", `${HOSTS}/${machine.known}/force-release`, {}),
  "a host is registered at the hub": async (story) => {
    const serialNumber = `SN${String(story.next()).padStart(6, "0")}`;
    await story.world.hub.request("POST", `${HOSTS}/register`, { name: "spare", serialNumber });
  },
  "a host is claimed at a site": async (_, { site }) => {
    const { body } = await site.request("GET", HOSTS);
    const free = (body?.hosts ?? []).find(({ siteId }: Json) => !siteId);
    if (free) await site.request("PATCH", `${HOSTS}/${free.resourceId}`, { siteId: site.id });
  },
} satisfies Steps;
