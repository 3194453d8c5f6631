import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "@holdfast/inventory/audit/canonical-json";
import { openSqlite } from "@holdfast/runtime/sqlite";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { administer } from "../administer.ts";
import { databaseOf } from "../home.ts";
import { Sender, startTestHub, type TestHub, type TestSite, until } from "../hub-harness.ts";

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an entry
type Entry = Record<string, any>;

const HOST = { kind: "host", intent: "intent-1", creation: "creation-1", fields: { name: "till" } };
const ALICE = { actor: "operator:alice", at: 1_000, from: { address: "192.0.2.7", request: "request-1" } };

async function start(): Promise<TestHub> {
  const hub = await startTestHub();
  onTestFinished(() => hub[Symbol.asyncDispose]());
  return hub;
}

async function entriesOf(hub: TestHub, query = ""): Promise<Entry[]> {
  const { status, body } = await hub.ask("GET", `/v1/projects/default/audit?order=oldest&pageSize=1000${query}`);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body.entries;
}

function command(hub: TestHub, name: string, ...more: readonly string[]): Promise<string> {
  return administer(name, { arguments: [...more, "--home", hub.home], environment: {} });
}

describe("what somebody did is in the log, with where they did it from:", () => {
  let hub: TestHub;
  let site: TestSite;
  let entries: Entry[];
  beforeAll(async () => {
    hub = await startTestHub();
    site = await hub.site();
    const sender = new Sender(hub, site);
    const at = `/v1/projects/default/sites/${site.id}`;
    const { body: lent } = await sender.send([], { wantIds: 3 });
    const hostId = `host-${lent.ids.first.toString(16).padStart(8, "0")}`;
    const given = { command: "identify", actor: "operator:alice", issuedAt: 1_000, notAfter: 2_000, from: ALICE.from };
    const { body: enrolment } = await hub.ask("POST", `${at}/enrolment-tokens`, {});
    await sender.send([
      { type: "create", id: hostId, ...HOST, ...ALICE },
      { type: "command", id: "command-0123456789abcdef", hostId, status: "done", at: 1_500, given },
      { type: "enrolment-used", id: enrolment.id, hostId, at: 1_600 },
    ]);
    await hub.ask("DELETE", `${at}/tokens/${(await hub.ask("GET", `${at}/tokens`)).body.tokens[0].id}`);
    entries = await entriesOf(hub);
    return () => hub[Symbol.asyncDispose]();
  });
  const found = (kind: string, operation: string) =>
    entries.filter((entry) => entry.kind === kind && entry.operation === operation).at(-1);
  const local = {
    actor: "operator:first",
    address: "127.0.0.1",
    requestId: expect.any(String),
    tokenId: expect.any(String),
  };

  test("at a site, as the site tells of it", () => {
    const alice = { actor: `site:${site.id}/operator:alice`, address: "192.0.2.7", requestId: "request-1" };
    expect(found("host", "create")).toMatchObject({
      ...alice,
      wantedAt: "1970-01-01T00:00:01.000Z",
      write: "intent-1",
    });
    expect(found("command", "create")).toMatchObject({ ...alice, after: { command: "identify" } });
  });

  test("tokens of sites and of machines, without any secret", () => {
    expect(found("token", "create")).toMatchObject({ ...local, after: { site: site.id, role: "site" } });
    expect(found("token", "delete")).toMatchObject({ ...local, before: { site: site.id } });
    expect(found("enrolment-token", "create")).toMatchObject({ ...local, after: { site: site.id } });
    expect(found("enrolment-token", "delete")).toMatchObject({ actor: `site:${site.id}`, after: { site: site.id } });
    expect(JSON.stringify(entries)).not.toMatch(/hf[ose]_|"hash":"[0-9a-f]{64}"[^}]*"role"/);
  });

  test("the operator's first token, and commands on the hub's own machine, as matters of the hub", async () => {
    await command(hub, "token create", "--name", "bob", "--projects", "all");
    const { body } = await hub.ask("GET", "/v1/audit?kind=token&order=oldest");
    const told = body.entries.filter(({ projectId }: Entry) => projectId === "");
    expect(told.map(({ actor, after }: Entry) => [actor, after.name])).toEqual([
      ["hub", "first"],
      ["operator:local", "bob"],
    ]);
    expect(told[1].tokenId).toMatch(/^account:./);
  });

  test.each([
    ["actor=operator:alice", 2],
    ["actor=operator:nobody", 0],
    ["kind=enrolment-token&operation=delete", 1],
    ["requestId=request-1", 2],
    ["address=192.0.2.7&kind=host", 1],
    ["from=2000-01-01T00:00:00Z&kind=command", 1],
    ["to=2000-01-01T00:00:00Z", 0],
  ])("and is found by %s", async (filter, many) => {
    expect(await entriesOf(hub, `&${filter}`)).toHaveLength(many);
  });

  test("a filter that is none is refused by its name", async () => {
    const answer = await hub.ask("GET", "/v1/projects/default/audit?from=yesterday");
    expect(answer).toMatchObject({
      status: 400,
      body: { message: "from: must be a time, as 2026-11-24T10:00:00Z is" },
    });
  });

  test.each(["newest", "oldest"])("and is paged through, the %s first, each entry once", async (order) => {
    const seen: number[] = [];
    for (let token = ""; ; ) {
      const { body } = await hub.ask("GET", `/v1/projects/default/audit?order=${order}&pageSize=3${token}`);
      seen.push(...body.entries.map(({ seq }: Entry) => seq));
      if (body.nextPageToken === undefined) break;
      token = `&pageToken=${body.nextPageToken}`;
    }
    const all = entries.map(({ seq }) => seq);
    expect(seen).toEqual(order === "newest" ? all.toReversed() : all);
  });

  test("an auditor of one project can prove its entries alone", () => {
    let previous = "";
    for (const { hash, ...told } of entries) {
      expect(told.previous).toBe(previous);
      expect(createHash("sha256").update(canonicalJson(told)).digest("hex")).toBe(hash);
      previous = hash;
    }
    expect(entries.length).toBeGreaterThan(8);
  });

  test("a project's log is for its auditors and writers, the hub's for its administrators", async () => {
    await command(hub, "project create", "--name", "other");
    const made = async (role: string, projects: string) =>
      (await command(hub, "token create", "--name", "x", "--role", role, "--projects", projects)).split("\n")[1];
    const [reader, others] = [await made("read", "default"), await made("write", "other")];
    const statusOf = async (path: string, token?: string) => (await hub.ask("GET", path, undefined, token)).status;
    expect(await statusOf("/v1/projects/default/audit", reader)).toBe(403);
    expect(await statusOf("/v1/projects/default/audit", others)).toBe(404);
    expect(await statusOf("/v1/audit", others)).toBe(403);
    expect(await statusOf("/v1/projects/other/audit", others)).toBe(200);
  });

  test("and is exported as JSON lines, whole", async () => {
    const file = join(hub.home, "export.jsonl");
    await command(hub, "audit export", file, "--project", "default");
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(await entriesOf(hub));
    expect(JSON.parse(await command(hub, "audit list", "--limit", "1", "--kind", "host"))).toMatchObject({
      kind: "host",
    });
  });
});

const cut = (hub: TestHub) => () => {
  const database = openSqlite(databaseOf(hub.home));
  database.exec(
    "drop trigger change_log_no_delete; delete from change_log where seq = (select max(seq) from change_log)",
  );
  database.close();
};

test("a log is proven whole while the hub runs, and a head that was noted stands in it later", async () => {
  const hub = await start();
  const [said = "", head = ""] = (await command(hub, "audit verify")).split("\n");
  expect(said).toMatch(/^\d+ entries, all whole/);
  await hub.site();
  const noted = head.replace("head ", "");
  expect(await command(hub, "audit verify", "--head", noted)).toMatch(/all whole/);
  const other = noted.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
  await expect(command(hub, "audit verify", "--head", other)).rejects.toThrow(/does not hold/);
});

test("an end that was cut off is found by what is noted beside the database, and stays known when the hub runs again", async () => {
  const hub = await start();
  await hub.site();
  await hub.stop();
  cut(hub)();
  await expect(command(hub, "audit verify")).rejects.toThrow(/known to have held .*cut off/);
  await hub.restart();
  const { body } = await hub.ask("GET", "/v1/audit?kind=audit-log");
  expect(body.entries).toMatchObject([{ actor: "hub", operation: "conflict", resourceId: "tail" }]);
  await until("the mark has caught up", () =>
    command(hub, "audit verify").then(
      () => true,
      () => false,
    ),
  );
});

test("another life of the hub is told of in the log of the hub and of each project", async () => {
  const hub = await start();
  await hub.hub.authority.beginEpoch({ told: { reason: "a test" } });
  const epoch = hub.hub.authority.epoch();
  const { body } = await hub.ask("GET", "/v1/audit?kind=epoch");
  expect(body.entries.map(({ projectId, after }: Entry) => [projectId === "", after])).toEqual([
    [false, { epoch, reason: "a test" }],
    [true, { epoch, reason: "a test" }],
  ]);
});
