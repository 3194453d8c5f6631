import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { COMMANDS } from "@holdfast/cli/commands";
import { SERVED } from "@holdfast/cli/kind-names";
import { cell } from "@holdfast/cli/output/cell";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CliWorld, startCliWorld } from "./under-test.ts";

const LAUNCHER = fileURLToPath(new URL("../../holdfast", import.meta.url));
const SITES = 103;

let world: CliWorld;
let site: string;
let host: string;

beforeAll(async () => {
  world = await startCliWorld({ requestsPerSecond: 0 });
  const at = "/v1/projects/default";
  const region = await world.hub.ask("POST", `${at}/regions`, { name: "north" });
  const make = async (number: number) => {
    const made = await world.hub.ask("POST", `${at}/sites`, {
      name: `shop ${number}`,
      regionId: region.body.resourceId,
    });
    return made.body.resourceId as string;
  };
  const sites = await Promise.all(Array.from({ length: SITES }, (_, at) => make(at + 1)));
  site = sites.at(-1) ?? "";
  const body = { name: "till", serialNumber: "SN00042", autoOnboard: true };
  host = (await world.hub.ask("POST", `${at}/compute/hosts/register`, body)).body.resourceId;
  await world.hub.ask("PATCH", `${at}/compute/hosts/${host}`, { name: "till", siteId: site });
});
afterAll(() => world[Symbol.asyncDispose]());

test("every kind that is served can be listed by its plural, its singular, and its name in the API", async () => {
  for (const kind of SERVED) {
    const word = kind.name.replaceAll("_", "-");
    expect(await world.run("get", word, "--limit", "1")).toMatchObject({ code: 0, out: expect.stringMatching(/^ID/) });
  }
  for (const word of ["hosts", "os", "localAccounts", "os-update-policies", "OPERATING_SYSTEMS", "inst"]) {
    expect((await world.run("get", word)).code, word).toBe(0);
  }
});

test("a table shows of a machine what an operator looks for", async () => {
  const { out } = await world.run("get", "hosts");
  const [head, row] = out.split("\n");
  expect(head).toMatch(/^ID +NAME +SITE +STATUS +POWER +SERIAL +OS$/);
  expect(row).toMatch(new RegExp(`^${host} +till +shop ${SITES} +Not Connected +- +SN00042 +-`));
});

test("a list is as long as was asked for, over as many pages as it takes, and says what is missing", async () => {
  expect(await world.run("get", "sites", "--limit", "101")).toMatchObject({
    out: expect.stringMatching(/^(.*\n){102}$/),
    notes: `101 of ${SITES}; --all shows every one\n`,
  });
  const all = await world.run("get", "sites", "--all", "-o", "json");
  expect(new Set(JSON.parse(all.out).map(({ name }: { name: string }) => name)).size).toBe(SITES);
  expect(all.notes).toBe("");
});

test("filters, exact matches and orders are the API's", async () => {
  const { out } = await world.run("get", "sites", "-f", 'name="shop 10"', "--order-by", "name desc", "-o", "json");
  expect(JSON.parse(out).map(({ name }: { name: string }) => name)).toEqual([
    "shop 103",
    "shop 102",
    "shop 101",
    "shop 100",
    "shop 10",
  ]);
  expect(JSON.parse((await world.run("get", "sites", "--match", "name:shop 10", "-o", "json")).out)).toHaveLength(1);
});

test("one resource is described whole, without what is empty, and is the API's own answer as JSON and YAML", async () => {
  const described = await world.run("describe", "host", host);
  expect(described.out).toContain(`resourceId: ${host}\nname: till\n`);
  expect(described.out).toContain(`site: shop ${SITES} (${site})\n`);
  expect(described.out).not.toMatch(/UNSPECIFIED|: ""|: null/);
  const { body } = await world.hub.ask("GET", `/v1/projects/default/compute/hosts/${host}`);
  const asJson = JSON.parse((await world.run("describe", "host", host, "-o", "json")).out);
  expect(Object.keys(asJson)).toEqual(Object.keys(body));
  expect((await world.run("get", "host", host, "-o", "yaml")).out).toContain("serialNumber: SN00042\n");
});

test("what moves the cursor or the text of a terminal is not passed on to one", () => {
  expect(cell("a\u001b[2Jb\nc\u202e")).toBe("a�[2Jb�c�");
});

test("what the API refuses is told by its code and its words, and ends with 1", async () => {
  expect(await world.run("get", "host", "host-00000000")).toEqual({
    code: 1,
    out: "",
    notes: "holdfast get: NotFound: host_resource not found\n",
  });
  expect((await world.run("get", "hosts", "--filter", "nonsense=1")).notes).toContain("InvalidArgument");
});

test("what cannot be meant is not asked, and ends with 2", async () => {
  for (const words of [
    ["get"],
    ["get", "toasters"],
    ["get", "hosts", "--limit", "0"],
    ["get", "hosts", "-o", "xml"],
    ["describe", "host"],
    ["get", "hosts", "--nonsense"],
    ["get", "hosts", "a", "b"],
  ]) {
    expect(await world.run(...words), words.join(" ")).toMatchObject({ code: 2, out: "" });
  }
  expect(await world.runWith({}, "get", "hosts")).toMatchObject({
    code: 2,
    notes: expect.stringContaining("HOLDFAST_URL"),
  });
});

test("an endpoint that is not there, or is none, is named", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const nowhere = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await promisify(server.close.bind(server))();
  const away = await world.run("get", "hosts", "--url", `http://${nowhere}`);
  expect(away).toMatchObject({
    code: 1,
    notes: `holdfast get: cannot reach http://${nowhere}: connect ECONNREFUSED ${nowhere}\n`,
  });
  expect((await world.run("get", "hosts", "--url", "hub.example")).notes).toContain("no URL of a hub");
});

test("every command has help that names its options", async () => {
  for (const [name, { options }] of Object.entries(COMMANDS)) {
    const { code, out } = await world.run(name, "--help");
    expect(code).toBe(0);
    expect(out).toContain(`usage: holdfast ${name}`);
    for (const option of Object.keys(options)) expect(out).toContain(`--${option}`);
  }
});

test("the launcher runs them, and lists them with the programs", async () => {
  const run = promisify(execFile);
  const env = { ...process.env, HOLDFAST_URL: world.hub.url, HOLDFAST_TOKEN: world.hub.operator };
  expect((await run(LAUNCHER, ["get", "host", host], { env })).stdout).toContain("SN00042");
  await expect(run(LAUNCHER, ["get", "toasters"], { env })).rejects.toMatchObject({ code: 2 });
  const { stdout } = await run(LAUNCHER, ["--help"]);
  for (const [name, { purpose }] of Object.entries(COMMANDS))
    expect(stdout).toMatch(new RegExp(`^  ${name} +${purpose}$`, "m"));
  expect(stdout).toMatch(/^ {2}hub /m);
});
