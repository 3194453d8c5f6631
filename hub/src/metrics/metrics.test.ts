import { readFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Host } from "@holdfast/protocol";
import { expect, onTestFinished, test } from "vitest";
import { startTestHub, type TestHub } from "../hub-harness.ts";

async function start(settings: Parameters<typeof startTestHub>[0] = {}): Promise<TestHub> {
  const hub = await startTestHub(settings);
  onTestFinished(() => hub[Symbol.asyncDispose]());
  return hub;
}

async function metrics(url: string, token?: string): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  return { status: answer.status, text: await answer.text() };
}

async function readerOf({ hub }: TestHub, tenant: string): Promise<string> {
  return (await hub.tokens.createOperator({ name: "x", role: "read", tenants: [tenant] })).token;
}

test("whoever may read a project is told of its hosts and of no others; the hub's administrators of all and of the hub", async () => {
  const hub = await start();
  const site = await hub.site();
  const { authority } = hub.hub;
  const other = await authority.createTenant({ actor: "hub", name: "other" });
  await authority.create(Host, { actor: "operator:a", tenant: site.tenant, fields: { name: "ours" } });
  await authority.create(Host, { actor: "operator:a", tenant: other.id, fields: { name: "theirs" } });
  const reader = await metrics(`${hub.url}/metrics`, await readerOf(hub, site.tenant));
  expect(reader.status).toBe(200);
  expect(reader.text).toContain('name="ours"');
  expect(reader.text).not.toContain("theirs");
  expect(reader.text).not.toMatch(/^holdfast_(?!schedules_)/m);
  const all = await metrics(`${hub.url}/metrics`, hub.operator);
  for (const said of ['name="ours"', 'name="theirs"', "holdfast_sites 1", "process_cpu_seconds_total "]) {
    expect(all.text).toContain(said);
  }
  expect((await metrics(`${hub.url}/metrics`)).status).toBe(401);
  expect((await metrics(`${hub.url}/metrics`, site.token)).status).toBe(403);
});

test("metrics are told without a token only where a setting says so, and nothing else is answered there", async () => {
  const hub = await start({ metricsListen: "127.0.0.1:0" });
  const url = readFileSync(join(hub.home, "metrics-url"), "utf8").trim();
  const { status, text } = await metrics(url);
  expect([status, text.includes('holdfast_build_info{program="hub"')]).toEqual([200, true]);
  expect((await metrics(url.replace("/metrics", "/v1/projects"))).status).toBe(404);
});

test("the document says what is told, and which errors there are instead", async () => {
  const hub = await start();
  const { body } = await hub.ask("GET", "/openapi.json");
  const { responses } = body.paths["/metrics"].get;
  expect(responses["200"].content).toEqual({ "text/plain": { schema: { type: "string" } } });
  expect(Object.keys(responses)).toEqual(expect.arrayContaining(["401", "403", "429"]));
});

test("a port that is taken is named by its setting", async () => {
  const hub = await start();
  const { port } = hub.hub;
  await expect(startTestHub({ metricsListen: `127.0.0.1:${port}` })).rejects.toThrow("--metrics-listen");
});

test("requests are counted by route and code, and come zipped to whoever takes that", async () => {
  const hub = await start({ metricsListen: "127.0.0.1:0" });
  await hub.ask("GET", "/v1/projects/default/regions");
  await hub.ask("GET", "/v1/projects/nobody/regions");
  const url = readFileSync(join(hub.home, "metrics-url"), "utf8").trim();
  const zipped = await new Promise<Buffer>((resolve, reject) => {
    get(url, { headers: { "accept-encoding": "gzip" } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => resolve(Buffer.concat(chunks)));
    }).on("error", reject);
  });
  const text = gunzipSync(zipped).toString("utf8");
  const route = 'method="GET",route="/v1/projects/:projectName/regions"';
  expect(text).toContain(`holdfast_http_requests_total{${route},code="200"} 1`);
  expect(text).toContain(`holdfast_http_requests_total{${route},code="404"} 1`);
  expect(text).toContain(`holdfast_http_request_duration_seconds_bucket{${route},le="+Inf"} 2`);
  expect(text).toContain(`holdfast_http_request_duration_seconds_count{${route}} 2`);
});
