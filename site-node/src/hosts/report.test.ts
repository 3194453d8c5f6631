import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import type { HostId } from "@holdfast/protocol/ids";
import { Host } from "@holdfast/protocol/kinds/host";
import { encode, type HardwareReport } from "@holdfast/protocol/messages";
import { minutes, silentLog, systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { hostRow, OF, row, SITE_SCOPE, siteRow, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { storeDesired } from "./desired.ts";
import { observationFrom } from "./observation.ts";
import { Presence } from "./presence.ts";
import { Said } from "./said.ts";

const HOST = "host-00000001" as HostId;
const UUID = "4c4c4544-0042-4a10-8054-b4c04f564433";

const ONLINE = JSON.stringify({ state: "online", session: "s1", protocol: 1, capabilities: [] });

function report(more: Partial<HardwareReport> = {}): HardwareReport {
  return {
    schema: 1,
    hash: "h1",
    observedAt: Date.UTC(2000, 0, 1),
    system: { serialNumber: "SN-1", uuid: UUID, productName: "R740", biosVendor: "ACME" },
    cpu: {
      model: "6502",
      sockets: 1,
      cores: 2,
      threads: 4,
      architecture: "x86_64",
      flags: ["fpu", "sse"],
      topology: [],
      numa: [],
    },
    memory: { bytes: 68_719_476_736, dimms: [] },
    storages: [{ deviceName: "sda", serial: "D-1", capacityBytes: 1_000_000 }],
    nics: [
      {
        deviceName: "eth0",
        macAddress: "02:00:00:00:00:01",
        linkUp: true,
        addresses: [{ address: "192.0.2.7/24", dynamic: true }],
      },
    ],
    usbs: [{ vendorId: "1d6b", productId: "0002", bus: 1, address: 1, interfaceClasses: [] }],
    gpus: [{ pciAddress: "0000:01:00.0", capabilities: ["render"] }],
    unreadable: [],
    ...more,
  };
}

async function listening(fields: Record<string, unknown> = {}, protocolVersion?: number) {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2, fields)]);
  const published: string[] = [];
  const disconnected: string[] = [];
  let passed = 0;
  const common = {
    store: site.store,
    outbox: site.outbox,
    replicaOf: async () => OF,
    clock: { ...systemClock, monotonic: () => passed },
    log: silentLog,
  };
  const presence = new Presence(common);
  const admitted = new Set<string>([HOST]);
  const said = new Said({
    ...{ ...common, presence, intents: site.intents },
    credentials: { has: (host) => admitted.has(host) },
    calls: { answered: () => undefined },
    protocolVersion,
    broker: () => ({
      publish: async (topic) => void published.push(topic),
      disconnect: async (host, reason) => void disconnected.push(`${host}: ${reason}`),
    }),
  });
  const packet = { retain: false, qos: 1 as const, will: false };
  const say = (is: "hardware" | "status" | "heartbeat" | "reported", payload: Uint8Array | string) =>
    said.take(HOST, { is }, Buffer.from(payload), packet);
  const rows = () =>
    site.store.read((view) =>
      siteTables(view).selectFrom("outbox").select(["key", "body"]).orderBy("number").execute(),
    );
  const pass = (milliseconds: number) => {
    passed += milliseconds;
  };
  return {
    site,
    say,
    rows,
    said,
    published,
    disconnected,
    admitted,
    presence,
    pass,
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}

test("a report becomes the host's fields and parts; what it does not say stays unsaid", () => {
  const seen = observationFrom(report());
  expect(seen).toMatchObject({
    memoryBytes: "68719476736",
    cpuCapabilities: "fpu,sse",
    hostStorages: [{ deviceName: "sda", serial: "D-1", capacityBytes: "1000000" }],
    hostNics: [
      {
        macAddr: "02:00:00:00:00:01",
        linkState: { type: "NETWORK_INTERFACE_LINK_STATE_UP" },
        ipaddresses: [{ address: "192.0.2.7/24", configMethod: "IP_ADDRESS_CONFIG_METHOD_DYNAMIC" }],
      },
    ],
    hostUsbs: [{ idVendor: "1d6b", idProduct: "0002", bus: 1, addr: 1 }],
    hostGpus: [{ pciId: "0000:01:00.0", capabilities: ["render"] }],
  });
  for (const absent of ["biosVersion", "cpuTopology", "bmcIp", "hostname"]) expect(seen).not.toHaveProperty(absent);
});

test("cores are listed by socket and sort, without a sort where none is known", () => {
  const core = (socket: number, number: number, kind?: string) => ({
    ...{ package: socket, core: number, threads: [] },
    ...(kind ? { kind } : {}),
  });
  const topology = [core(0, 0, "performance"), core(0, 1, "efficiency"), core(1, 0)];
  const { cpuTopology } = observationFrom(report({ cpu: { flags: [], numa: [], topology } }));
  expect(JSON.parse(cpuTopology ?? "")).toEqual({
    sockets: [
      {
        socket_id: 0,
        core_groups: [
          { core_type: "P-Core", core_list: [0] },
          { core_type: "E-Core", core_list: [1] },
        ],
      },
      { socket_id: 1, core_groups: [{ core_list: [0] }] },
    ],
  });
});

test("a report that says what is known already writes nothing", async () => {
  await using it = await listening();
  await it.say("hardware", encode("HardwareReport", report()));
  const [host, rows] = [await it.site.get(Host, HOST), await it.rows()];
  await it.say("hardware", encode("HardwareReport", report()));
  expect(await it.site.get(Host, HOST)).toEqual(host);
  expect(await it.rows()).toEqual(rows);
});

test("what a later report leaves out is taken away", async () => {
  await using it = await listening();
  await it.say("hardware", encode("HardwareReport", report()));
  await it.say(
    "hardware",
    encode("HardwareReport", report({ cpu: { flags: [], topology: [], numa: [] }, storages: [] })),
  );
  expect((await it.site.get(Host, HOST))?.fields).toMatchObject({ hostStorages: [], memoryBytes: "68719476736" });
  expect((await it.site.get(Host, HOST))?.fields).not.toHaveProperty("cpuModel");
});

test("who a machine is gets completed where nobody said it, as an intent of the site's", async () => {
  await using it = await listening();
  await it.say("hardware", encode("HardwareReport", report()));
  expect((await it.site.get(Host, HOST))?.fields).toMatchObject({ serialNumber: "SN-1", uuid: UUID });
  const edits = (await it.rows()).flatMap(({ body }) => (body?.includes('"edit"') ? [JSON.parse(body)] : []));
  expect(edits.map(({ field, base }) => [field, base])).toEqual([
    ["serialNumber", ""],
    ["uuid", ""],
  ]);
});

test.each([
  ["a UUID that is none", { serialNumber: "SN-1", uuid: "not-a-uuid" }, { serialNumber: "SN-1", uuid: undefined }],
  [
    "a serial number with a NUL in it",
    { serialNumber: "SN\u0000", uuid: UUID },
    { serialNumber: undefined, uuid: UUID },
  ],
])("%s is nobody's identity", async (_what, system, expected) => {
  await using it = await listening();
  await it.say("hardware", encode("HardwareReport", report({ system })));
  const { serialNumber, uuid } = (await it.site.get(Host, HOST))?.fields ?? {};
  expect({ serialNumber, uuid }).toEqual(expected);
});

test("a machine that says it is another is shown so, and its registration is not overwritten", async () => {
  await using it = await listening({ serialNumber: "SN-REGISTERED" });
  for (const _twice of [1, 2]) await it.say("hardware", encode("HardwareReport", report()));
  expect((await it.site.get(Host, HOST))?.fields).toMatchObject({
    serialNumber: "SN-REGISTERED",
    registrationStatus: expect.stringContaining("mismatch of Serial Number, Reported Serial Number is: SN-1"),
    registrationStatusIndicator: "STATUS_INDICATION_ERROR",
  });
  const events = (await it.rows()).filter(({ body }) => body?.includes("identity-contradicted"));
  expect(events).toHaveLength(1);
});

test.each<[string, "hardware" | "status" | "heartbeat" | "reported", Uint8Array | string]>([
  ["a report that is no report", "hardware", Buffer.from([0x0a, 0xff, 0xff, 0xff])],
  ["a report beyond the limits", "hardware", Buffer.alloc(300 * 1024, 1)],
  [
    "a report of more hardware than an entry holds",
    "hardware",
    encode(
      "HardwareReport",
      report({
        unreadable: [],
        storages: Array.from({ length: 4_000 }, (_, n) => ({ deviceName: `sd${n}`, serial: "x".repeat(40) })),
      }),
    ),
  ],
  [
    "a report of more parts than a host may have",
    "hardware",
    encode(
      "HardwareReport",
      report({ usbs: Array.from({ length: 1_001 }, (_, bus) => ({ bus, interfaceClasses: [] })) }),
    ),
  ],
  ["a report with a NUL in it", "hardware", encode("HardwareReport", report({ os: { hostname: "till\u0000" } }))],
  ["a status that is not JSON", "status", "online"],
  ["a status without a session", "status", '{"state":"online"}'],
  ["a status with a protocol that is no number", "status", '{"state":"online","session":"s","protocol":"1"}'],
  ["a status of an unknown state", "status", '{"state":"asleep","session":"s"}'],
  ["a heartbeat that is none", "heartbeat", Buffer.from([0x0a, 0xff])],
  ["a reported that is none", "reported", Buffer.from([0x0a, 0xff])],
])("%s is set aside and counted, and the host stays as it was", async (_what, is, payload) => {
  await using it = await listening();
  const before = await it.site.get(Host, HOST);
  await it.say(is, payload);
  await it.say(is, payload);
  expect(await it.site.get(Host, HOST)).toEqual(before);
  const counted = await it.site.store.read((view) => siteTables(view).selectFrom("counter").selectAll().execute());
  expect(counted).toEqual([{ name: "messages-malformed", value: 2 }]);
  expect((await it.rows()).filter(({ body }) => body?.includes("message-malformed"))).toHaveLength(1);
});

test("the hub is told what became of an agent's update, once, and a word that is not known says nothing", async () => {
  await using it = await listening();
  const saying = (update: unknown) => it.say("status", JSON.stringify({ ...JSON.parse(ONLINE), update }));
  const events = async () => (await it.rows()).filter(({ body }) => body?.includes('"agent-update"'));
  await saying({ state: "exploded", release: "2-2" });
  expect(await events()).toEqual([]);
  const rolledBack = { state: "rolled-back", release: "2-2", reason: "it did not reach its site in time" };
  await saying(rolledBack);
  await saying(rolledBack);
  expect(await events()).toHaveLength(1);
  expect((await events())[0]?.body).toContain(JSON.stringify(rolledBack));
  await saying({ state: "proven", release: "3-3" });
  expect(await events()).toHaveLength(2);
});

test("an agent's clock in the year 2000 orders nothing and is written nowhere", async () => {
  await using it = await listening();
  await it.say("hardware", encode("HardwareReport", report()));
  await it.say("status", ONLINE);
  const host = await it.site.get(Host, HOST);
  expect(host?.observedAt).toBeGreaterThan(Date.UTC(2020, 0, 1));
  expect(JSON.stringify(host)).not.toContain(String(Date.UTC(2000, 0, 1)));
});

test("a heartbeat that names another report has the machine asked for it, ever more rarely when that does not help", async () => {
  await using it = await listening();
  await it.say("hardware", encode("HardwareReport", report()));
  const beat = (reportHash: string) =>
    it.say("heartbeat", encode("Heartbeat", { session: "s1", sequence: 1, reportHash }));
  await beat("h1");
  expect(it.published).toEqual([]);
  await beat("h2");
  await beat("h2");
  expect(it.published).toEqual([expect.stringMatching(/\/req\/[^/]+\/rescan$/)]);
  const askedIn = async (minutesOfBeats: number) => {
    const before = it.published.length;
    for (let minute = 0; minute < minutesOfBeats; minute += 1) {
      it.pass(minutes(1));
      await beat("h2");
    }
    return it.published.length - before;
  };
  expect(await askedIn(60)).toBe(5);
  expect(await askedIn(240)).toBe(4);
  it.pass(minutes(60));
  await beat("h1");
  await beat("h2");
  expect(await askedIn(3)).toBe(2);
});

test("the last words of a machine that was put out change nothing", async () => {
  await using it = await listening();
  const before = await it.site.get(Host, HOST);
  it.admitted.clear();
  await it.say("status", ONLINE);
  await it.say("hardware", encode("HardwareReport", report()));
  expect(await it.site.get(Host, HOST)).toEqual(before);
});

test("how far a machine has got is seen from its heartbeats too, of the newest document alone", async () => {
  await using it = await listening();
  const content = { name: HOST, generation: 2, metadata: {} };
  await it.site.write((transaction) => storeDesired(transaction, { host: HOST, incarnation: 7, content }));
  const beat = (counter: number) =>
    it.say(
      "heartbeat",
      encode("Heartbeat", { session: "s1", sequence: 1, reportHash: "", applied: { incarnation: 7, counter } }),
    );
  const reached = async () => {
    const [document] = await it.site.store.read((view) =>
      siteTables(view).selectFrom("desired_document").select("reached").execute(),
    );
    return document?.reached;
  };
  await beat(9);
  expect(await reached()).toBeNull();
  await beat(1);
  expect(await reached()).toBe("");
});

test("a machine that could not do as it was told is heard, with its reason", async () => {
  await using it = await listening();
  const content = { name: HOST, generation: 2, metadata: {} };
  await it.site.write((transaction) => storeDesired(transaction, { host: HOST, incarnation: 7, content }));
  const version = { incarnation: 7, counter: 1 };
  for (const _twice of [1, 2]) {
    await it.say("reported", encode("Reported", { version, state: "FAILED", error: "disk full", generation: 2 }));
  }
  const events = (await it.rows()).filter(({ body }) => body?.includes("desired-failed"));
  expect(events.map(({ body }) => JSON.parse(body ?? "").detail)).toEqual([{ generation: 2, error: "disk full" }]);
});

test("of a host that another site manages nothing is seen here", async () => {
  await using it = await listening();
  await it.site.feed(TENANT_SCOPE, 3, [row("site", "site-0000000b", 3, { name: "bergen" })]);
  await it.site.feed(SITE_SCOPE, 4, [hostRow(HOST, 4, {}, { owner: "site-0000000b" })]);
  const before = await it.site.get(Host, HOST);
  await it.say("hardware", encode("HardwareReport", report()));
  expect(await it.site.get(Host, HOST)).toEqual(before);
});

test("a machine goes on being heard while the hub's newest word of it waits for something else", async () => {
  await using it = await listening();
  await it.site.feed(SITE_SCOPE, 3, [hostRow(HOST, 3, { siteId: "site-0000000b" })]);
  await it.say("hardware", encode("HardwareReport", report()));
  expect((await it.site.get(Host, HOST))?.fields).toMatchObject({ serialNumber: "SN-1", cpuModel: "6502" });
});

test.each([
  ["newer than this site", { protocol: 99 }, /newest known here is 2/],
  ["of no version", {}, /not a protocol version/],
])(
  "an agent that is %s is refused with the reason, is not listened to, and comes again when it can be served",
  async (_what, offer, reason) => {
    await using it = await listening();
    const online = (session: string, more: object) =>
      it.say("status", JSON.stringify({ state: "online", session, ...more }));
    const status = async () => (await it.site.get(Host, HOST))?.fields.hostStatus;
    const events = async () => (await it.rows()).filter(({ body }) => body?.includes("agent-refused"));
    for (const session of ["s1", "s2"]) await online(session, offer);
    expect(await status()).toMatch(reason);
    expect(it.disconnected).toHaveLength(2);
    expect(await events()).toHaveLength(1);

    await it.say("heartbeat", encode("Heartbeat", { session: "s2", sequence: 1, reportHash: "" }));
    await it.say("hardware", encode("HardwareReport", report()));
    await it.say("status", JSON.stringify({ state: "lost", session: "s2" }));
    expect(await status()).toMatch(reason);
    expect((await it.site.get(Host, HOST))?.fields).not.toHaveProperty("cpuModel");

    await online("s3", { protocol: 1, capabilities: [] });
    expect(await status()).toBe("Running");
  },
);

test("what is said of a document in a state that a later version made is passed over (rule 23)", async () => {
  await using it = await listening();
  const document = { host: HOST, incarnation: 7, content: { name: "till", generation: 2, metadata: {} } };
  await it.site.write((transaction) => storeDesired(transaction, document));
  const reached = async () =>
    it.site.store.read((view) => siteTables(view).selectFrom("desired_document").select("reached").executeTakeFirst());
  const version = { incarnation: 7, counter: 1 };
  const bytes = Buffer.from(encode("Reported", { version, state: "APPLIED", generation: 2 }));
  const later = Buffer.from(bytes);
  // Field 2, the state; the version before it has a field 2 of its own.
  later[bytes.lastIndexOf(Buffer.from([0x10, 1])) + 1] = 9;
  await it.say("reported", later);
  expect(await reached()).toEqual({ reached: null });
  await it.say("reported", bytes);
  expect(await reached()).toEqual({ reached: "" });
});

test.each([
  ["newer than the site", PROTOCOL_VERSION + 1, PROTOCOL_VERSION, /newest known here/],
  ["four versions behind", 1, 5, /oldest served here/],
])(
  "an agent that is %s is told so by its end, and people by its host (rule 23)",
  async (_what, agent, ours, reason) => {
    await using it = await listening({}, ours);
    await it.say("status", JSON.stringify({ state: "online", session: "s1", protocol: agent, capabilities: [] }));
    expect(it.disconnected).toEqual([expect.stringMatching(reason)]);
    const { hostStatus, hostStatusIndicator } = (await it.site.get(Host, HOST))?.fields ?? {};
    expect(hostStatus).toMatch(reason);
    expect(hostStatusIndicator).toBe("STATUS_INDICATION_ERROR");
  },
);

test.each([0, 1, 2, 3])("an agent that is %i versions behind is served (rule 23)", async (behind) => {
  await using it = await listening({}, 5);
  await it.say("status", JSON.stringify({ state: "online", session: "s1", protocol: 5 - behind, capabilities: [] }));
  expect(it.disconnected).toEqual([]);
  expect((await it.site.get(Host, HOST))?.fields.hostStatus).toBe("Running");
});

test("what nothing has asked for yet is counted, and no harm is done", async () => {
  await using it = await listening();
  const before = await it.rows();
  for (const message of [
    { is: "telemetry", stream: "cpu" },
    { is: "telemetry", stream: "cpu" },
    { is: "job-status", job: "j" },
  ] as const) {
    await it.said.take(HOST, message, Buffer.from("x"), { retain: false, qos: 1, will: false });
  }
  expect(it.said.notKept).toEqual({ telemetry: 2, "job-status": 1 });
  expect(await it.rows()).toEqual(before);
});
