import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestHub, type TestHub, until } from "@holdfast/hub/hub-harness";
import { Host } from "@holdfast/protocol";
import { expect, onTestFinished, test } from "vitest";

/** What the contract lets an operator call a host, and what no contract would. */
const NAMES = ["till 1", 'a "quoted" name', "back\\slash", "two\nlines", "} 1", "øæå 漢字", "\ttab"];

async function hubWithHosts(): Promise<TestHub> {
  const hub = await startTestHub({ metricsListen: "127.0.0.1:0" });
  onTestFinished(() => hub[Symbol.asyncDispose]());
  const site = await hub.site();
  const { store, authority } = hub.hub;
  const by = { actor: "operator:alice", tenant: site.tenant };
  for (const [at, name] of NAMES.entries()) {
    const host = await authority.create(Host, { ...by, fields: { name: `n${at}`, siteId: site.id } });
    // Past every check, as a machine may call itself.
    await store.write((tx) => tx.replace(Host, { ...host, fields: { ...host.fields, name, hostStatus: "Running" } }));
  }
  return hub;
}

function metricsUrl(hub: TestHub): string {
  return readFileSync(join(hub.home, "metrics-url"), "utf8").trim();
}

async function scraped(url: string, token?: string): Promise<{ status: number; text: string; type: string | null }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(url, { headers });
  return { status: answer.status, text: await answer.text(), type: answer.headers.get("content-type") };
}

test("promtool takes all that the hub tells, and objects to nothing but the names of EIM's labels", async () => {
  const hub = await hubWithHosts();
  const { text, type } = await scraped(metricsUrl(hub));
  expect(type).toBe("text/plain; version=0.0.4; charset=utf-8");
  const { stdout, stderr, error } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
  expect(error).toBeUndefined();
  const objections = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
  expect(
    objections.filter((line) => !/^edge_host_\w+ label names should be written in 'snake_case'/.test(line)),
  ).toEqual([]);
});

test("a real Prometheus scrapes the hub with a token, and finds every host under its name", async () => {
  const hub = await hubWithHosts();
  const prometheus = await startPrometheus({ target: new URL(hub.url).host, token: hub.operator });
  const running = async () =>
    (await prometheus.query('edge_host_status{status="Running"} == 1')).map(({ metric }) => metric);
  await until("Prometheus has scraped the hosts", async () => (await running()).length === NAMES.length, 30_000);
  expect((await running()).map(({ name }) => name).toSorted()).toEqual(NAMES.toSorted());
  const [project] = await running();
  const tenant = await hub.hub.store.read((view) => view.tenant("default"));
  expect(project?.projectId).toBe(tenant?.id);
  expect(await prometheus.query("holdfast_sites")).toMatchObject([{ value: [expect.anything(), "1"] }]);
  const median = 'histogram_quantile(0.5, holdfast_http_request_duration_seconds_bucket{route="/metrics"})';
  await until("Prometheus has scraped a scrape", async () => (await prometheus.query(median)).length === 1, 30_000);
});

interface Found {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

async function startPrometheus({ target, token }: { target: string; token: string }) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-prometheus-"));
  const port = await freePort();
  mkdirSync(join(folder, "data"));
  writeFileSync(join(folder, "token"), token, { mode: 0o600 });
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s" },
    scrape_configs: [
      {
        job_name: "holdfast",
        authorization: { credentials_file: join(folder, "token") },
        static_configs: [{ targets: [target] }],
      },
    ],
  };
  // JSON is YAML.
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
  const options = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=error",
  ];
  const child = spawn("prometheus", options, { stdio: "ignore", env: { ...process.env, no_proxy: "*" } });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  const query = async (expression: string): Promise<readonly Found[]> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`);
    return ((await answer.json()) as { data: { result: readonly Found[] } }).data.result;
  };
  const ready = () =>
    fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  await Promise.race([until("Prometheus is ready", ready, 30_000), failed]);
  return { query };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}
