import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { CONTACT_EVERY } from "@holdfast/protocol/session";
import { expect } from "vitest";
import { agree } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import { Machine } from "../world/machine.ts";
import type { Json } from "../world/request.ts";
import { World } from "../world/world.ts";
import { type MachineTalk, SiteRecorder, tapped } from "./recorder.ts";
import type { AgentRecording, SiteRecording } from "./recording.ts";
import { withIds } from "./recording.ts";

const PROJECT = "/v1/projects/default";
const HOSTS = `${PROJECT}/compute/hosts`;

/**
 * Lives through all that a site, its hub and its machines have to say to one another, and keeps what they said. Secrets are
 * replaced by placeholders.
 */
export async function recordStory(): Promise<{ site: SiteRecording; agent: AgentRecording }> {
  await using world = new World();
  await world.hub.start();
  const recorder = new SiteRecorder(world);
  const ask = (method: string, path: string, body?: Json) =>
    recorder.act({ do: "ask", method, path, ...(body === undefined ? {} : { body }) });
  const secrets = new Map<string, string>();
  const close: (() => Promise<unknown>)[] = [];

  const oslo = await world.addSite("oslo", "default", { onCarried: recorder.take });
  const bergen = await world.addSite("bergen");
  const session = await eventually(() => {
    const answered = recorder.requests.find(({ path }) => path === "/v1/sites/self");
    expect(answered).toBeDefined();
    return answered?.answer;
  });
  recorder.follow({ site: oslo.id, tenant: session.tenant.id });
  const quiet = () => agree(world, "oslo");
  const carried = (what: (path: string, body: string) => boolean) =>
    eventually(async () => {
      await world.clock.advance(5_000);
      expect(recorder.requests.some(({ path, body }) => what(path, JSON.stringify(body)))).toBe(true);
    });
  const says = (type: string) => carried((_, body) => body.includes(`"type":"${type}"`));

  /** A machine with an agent that is listened to. */
  async function machineAt(at: typeof oslo, tree: string, admits?: string) {
    const tap = await tapped(at);
    const path = `${PROJECT}/sites/${at.id}/enrolment-tokens`;
    const { token } = await ask("POST", path, { validSeconds: 3_600, ...(admits ? { hostId: admits } : {}) });
    secrets.set(token, "ENROLMENT-TOKEN");
    const surroundings = { clock: world.clock, log: world.log };
    const machine = await Machine.plugIn(
      tap.site,
      `${world.folder}/recorded-${close.length}`,
      tree,
      token,
      surroundings,
    );
    close.push(async () => {
      await machine.unplug();
      await tap.close();
    });
    await machine.boot();
    const id = await eventually(async () => {
      const shown = await world.hub.host("default", machine.known ?? "");
      expect(shown).toMatchObject({ hostStatus: "Running", memoryBytes: expect.stringMatching(/^[1-9]/) });
      return shown.resourceId as string;
    });
    secrets.set(machine.enrolment().secret, "MACHINE-SECRET");
    return { machine, id, talk: tap.talk };
  }

  try {
    await oslo.node.caughtUp();
    await world.clock.advance(CONTACT_EVERY + 1_000);
    await carried((path) => path.endsWith("/contact"));

    const ann = await recorder.act({ do: "operator", name: "ann" });
    secrets.set(ann.token, "OPERATOR-TOKEN");
    const atSite = async (method: string, path: string, body?: Json) => {
      const answer = await oslo.request(method, path, body, { token: ann.token });
      expect(answer.status, JSON.stringify(answer.body)).toBe(200);
      return answer.body;
    };
    const os = await ask("POST", `${PROJECT}/compute/os`, {
      name: "Debian 12",
      profileName: "debian-12",
      sha256: "a".repeat(64),
    });
    await oslo.node.caughtUp();

    const first = await machineAt(oslo, "synthetic-dimm-nvme-server");
    const host = `${HOSTS}/${first.id}`;
    await quiet();
    await ask("PATCH", host, { name: "till-1", metadata: [{ key: "role", value: "till" }] });
    const instance = await ask("POST", `${PROJECT}/compute/instances`, {
      ...{ name: "web", kind: "INSTANCE_KIND_METAL", securityFeature: "SECURITY_FEATURE_NONE" },
      ...{ hostID: first.id, osID: os.resourceId },
    });
    await quiet();
    first.machine.removeDisk("nvme1n1");
    await ask("POST", `${host}/commands`, { command: "identify" });
    await says("command");
    await atSite("PATCH", host, { metadata: [{ key: "role", value: "gate" }] });
    await says("edit");
    await quiet();

    const schedules = `${PROJECT}/schedules/single`;
    const maintenance = { scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE", targetHostId: first.id };
    const startSeconds = Math.floor(world.clock.now() / 1_000) + 86_400;
    const schedule = await atSite("POST", schedules, { name: "tonight", startSeconds, ...maintenance });
    await quiet();
    await atSite("DELETE", `${schedules}/${schedule.resourceId}`);
    await says("delete");
    await quiet();

    oslo.wan.cut();
    await atSite("PATCH", host, { name: "at-the-site" });
    await ask("PATCH", host, { name: "at-the-hub" });
    oslo.wan.restore();
    await quiet();
    const [conflict] = await world.hub.conflicts();
    expect(conflict).toMatchObject({ resourceId: first.id, field: "name" });

    await recorder.act({ do: "snapshot" });
    await quiet();
    await ask("PATCH", host, { metadata: [{ key: "role", value: "kept-by-the-site" }] });
    await quiet();
    await recorder.act({ do: "new-epoch" });
    await says("recovered");
    await quiet();
    expect((await world.hub.host("default", first.id)).metadata).toEqual([{ key: "role", value: "kept-by-the-site" }]);

    await ask("POST", `${host}/commands`, { command: "reset" });
    await oslo.node.caughtUp();
    await atSite("DELETE", `${PROJECT}/sites/${oslo.id}/hold`);
    await says("hold-released");
    await eventually(() => expect(first.machine.switched).toEqual(["reset"]));
    await eventually(async () => {
      expect(await world.hub.host("default", first.id)).toMatchObject({ hostStatus: "Running" });
    });
    const { conflicts } = await atSite("GET", `${PROJECT}/conflicts`);
    const [choice] = conflicts[0].values.filter(({ standing }: Json) => !standing);
    await atSite("POST", `${PROJECT}/conflicts/${conflict.id}/resolve`, { choose: choice.write });
    await quiet();
    expect(await world.hub.conflicts()).toEqual([]);
    await ask("DELETE", `${PROJECT}/compute/instances/${instance.resourceId}`);
    await says("release");
    await quiet();

    const second = await machineAt(oslo, "synthetic-arm-board");
    await quiet();
    await ask("DELETE", `${HOSTS}/${second.id}`);
    await quiet();
    await second.machine.shutDown();

    const registered = await ask("POST", `${HOSTS}/register`, {
      name: "pump",
      uuid: "4c4c4544-0042-4d10-8053-b7c04f4e3499",
    });
    await ask("PATCH", `${HOSTS}/${registered.resourceId}`, { siteId: bergen.id });
    await bergen.node.caughtUp();
    const third = await machineAt(bergen, "captured-small-vm", registered.resourceId);
    const here = await tapped(oslo);
    close.push(here.close);
    third.machine.carryTo(here.site);
    await carried((_, body) => body.includes(`"type":"arrival","hostId":"${third.id}"`));
    await ask("POST", `${HOSTS}/${third.id}/rehome`, { siteId: oslo.id });
    await eventually(async () => {
      await world.clock.advance(5_000);
      const shown = await world.hub.host("default", third.id);
      expect(shown).toMatchObject({ siteId: oslo.id, hostStatus: "Running" });
    });
    await quiet();
    await first.machine.shutDown();
    await quiet();

    const ids = {
      ...{ site: oslo.id, otherSite: bergen.id, tenant: session.tenant.id, epoch: session.epoch },
      ...{ host: first.id, secondHost: second.id, os: os.resourceId, instance: instance.resourceId },
    };
    const shows = (await world.hub.hosts("default")).filter(({ siteId }) => siteId === oslo.id);
    const told = `protocol ${PROTOCOL_VERSION}, recorded from the running programs`;
    const site = {
      about: `What a site-node and its hub said to one another in ${told}; \`acts\` are what operators did at the hub.`,
      ...{ ids, requests: recorder.requests, acts: recorder.acts, shows },
    };
    const agent = {
      about: `What agents and their site-node said to one another in ${told}: over HTTP, then MQTT 3.1.1. Payloads are base64.`,
      ids: { site: oslo.id, hosts: [first.id, second.id] },
      machines: [first, second].map(({ talk }) => ({ enrolment: enrolmentIn(talk), packets: talk.packets })),
      arrivals: here.talk.exchanges.filter(({ path }) => path === "/v1/arrivals"),
    };
    return { site: withIds(site, secrets), agent: withIds(agent, secrets) };
  } finally {
    for (const each of close.toReversed()) await each();
  }
}

function enrolmentIn({ exchanges }: MachineTalk) {
  const { request, answer } = exchanges.find(({ path, status }) => path === "/v1/enroll" && status === 200) ?? {};
  return { request, answer };
}
