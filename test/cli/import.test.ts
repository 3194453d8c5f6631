import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readHosts } from "@holdfast/cli/import/hosts-file";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type CliWorld, startCliWorld } from "./under-test.ts";

const HEADER =
  "Serial,UUID,OSProfile,Site,Secure,RemoteUser,Metadata,LVMSize,CloudInitMeta,K8sEnable,K8sClusterTemplate,K8sConfig,Error - do not fill";
const SECURE = "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION";
const UUID = "4c4c4544-2046-5310-8052-cac04f515233";
const AT = "/v1/projects/default";

let world: CliWorld;
const ids = { site: "", other: "", os: "", plain: "", account: "", config: "" };

beforeAll(async () => {
  world = await startCliWorld();
  const make = async (path: string, body: object) =>
    (await world.hub.ask("POST", `${AT}/${path}`, body)).body.resourceId;
  const regionId = await make("regions", { name: "north" });
  ids.site = await make("sites", { name: "oslo", regionId });
  ids.other = await make("sites", { name: "bergen", regionId });
  const os = { sha256: "0".repeat(64), osType: "OS_TYPE_IMMUTABLE", osProvider: "OS_PROVIDER_KIND_INFRA" };
  ids.os = await make("compute/os", { ...os, name: "Edge 3.0", profileName: "edge", securityFeature: SECURE });
  ids.plain = await make("compute/os", {
    ...os,
    name: "Plain",
    profileName: "plain",
    securityFeature: "SECURITY_FEATURE_NONE",
  });
  ids.account = await make("localAccounts", { username: "clerk", sshKey: `ssh-ed25519 ${"A".repeat(68)} clerk` });
  ids.config = await make("customConfigs", { name: "proxy", config: "#cloud-config" });
});
afterAll(() => world[Symbol.asyncDispose]());
afterEach(() => {
  for (const name of errorFiles()) rmSync(join(world.home, name));
});

const errorFiles = () => readdirSync(world.home).filter((name) => /^(preflight|import)_error_\d{8}T\d{6}Z_/.test(name));
const hosts = async () =>
  (await world.hub.ask("GET", `${AT}/compute/hosts?pageSize=100&orderBy=serialNumber`)).body.hosts;
const errorsIn = (name: string) =>
  readHosts(readFileSync(join(world.home, name), "utf8")).map(({ cells }) => [
    cells.Serial,
    cells["Error - do not fill"],
  ]);

function importing(lines: readonly string[], ...options: string[]) {
  const file = join(world.home, "shop.csv");
  writeFileSync(file, [HEADER, ...lines, ""].join("\n"));
  return world.run("import", "hosts", file, ...options);
}

test("nothing is made unless every row can be: the file of errors is the whole file, and says what is wrong", async () => {
  const { code, out, notes } = await importing([
    "2500JF3,,Edge 3.0,oslo,,,,,,,,,",
    "1500JF9,,Edge 4.0,atlantis,,nobody,,,nothing,,,,",
    "1600JF9,,Plain,oslo,true,,,,,,,,",
    "2500JF3,,,,,,,,,,,,",
    "1700JF9,,,,,,,,,true,,,",
  ]);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(notes).toContain("4 of 5 rows cannot be imported, and nothing was made");
  expect(await hosts()).toEqual([]);
  const [name = ""] = errorFiles();
  expect(name).toMatch(/^preflight_error_/);
  expect(errorsIn(name)).toEqual([
    ["2500JF3", ""],
    [
      "1500JF9",
      'OSProfile: no OS profile is called "Edge 4.0"; Site: no site is called "atlantis"; RemoteUser: no account is called "nobody"; CloudInitMeta: no custom config is called "nothing"',
    ],
    ["1600JF9", 'Secure: the OS profile "Plain" has no secure boot and disk encryption'],
    ["2500JF3", "is the same machine as line 2"],
    ["1700JF9", expect.stringContaining("Holdfast makes no clusters")],
  ]);
});

const WHOLE = `2500JF3,${UUID},Edge 3.0,oslo,true,clerk,key1=value2&key3=value4,60,proxy,,,,`;
const PLAIN = () => `1500JF9,,${ids.plain},${ids.site},,,,,,,,,`;

test("a dry run checks and makes nothing", async () => {
  expect(await importing([WHOLE, PLAIN()], "--dry-run")).toEqual({
    ...{ code: 0, out: "", notes: "2 rows can be imported; nothing was made\n" },
  });
  expect(await hosts()).toEqual([]);
});

test("one row is told of as one", async () => {
  expect((await importing([PLAIN()], "--dry-run")).notes).toBe("1 row can be imported; nothing was made\n");
});

test("rows become hosts at their sites with what they are to be installed with; names and ids are both taken", async () => {
  const { code, out, notes } = await importing([WHOLE, PLAIN()]);
  expect({ code, notes }).toEqual({ code: 0, notes: "2 rows are imported\n" });
  const [plain, whole] = await hosts();
  expect(out).toBe(`${whole.resourceId}\t2500JF3\n${plain.resourceId}\t1500JF9\n`);
  expect(whole).toMatchObject({
    ...{ name: whole.resourceId, uuid: UUID, siteId: ids.site, userLvmSize: 60, desiredState: "HOST_STATE_ONBOARDED" },
    metadata: [
      { key: "key1", value: "value2" },
      { key: "key3", value: "value4" },
    ],
    instance: { osID: ids.os, localAccountID: ids.account, customConfigID: [ids.config], securityFeature: SECURE },
  });
  expect(plain.instance).toMatchObject({ osID: ids.plain, securityFeature: "SECURITY_FEATURE_NONE" });
});

test("a file that was imported before changes nothing, and what was begun is completed", async () => {
  const [plain, whole] = await hosts();
  await world.hub.ask("POST", `${AT}/compute/hosts/register`, {
    name: "",
    serialNumber: "1500JF91",
    autoOnboard: true,
  });
  await world.hub.ask("PATCH", `${AT}/compute/hosts/${whole.resourceId}`, { name: "till" });
  const { code, out } = await importing([WHOLE, PLAIN(), "1500JF91,,Plain,oslo,,,,,,,,,"]);
  expect(code).toBe(0);
  const after = await hosts();
  expect(after).toHaveLength(3);
  expect(out.split("\n").slice(0, 2)).toEqual([`${whole.resourceId}\t2500JF3`, `${plain.resourceId}\t1500JF9`]);
  expect(after[1]).toMatchObject({ serialNumber: "1500JF91", siteId: ids.site, instance: { osID: ids.plain } });
  expect(after[2]).toMatchObject({ name: "till", generation: expect.anything() });
  expect(after[2].instance.resourceId).toBe(whole.instance.resourceId);
});

test("a row that the API refuses is written to a file of errors, which is imported once it is mended; others are made", async () => {
  const moved = await importing([
    "2500JF3,,,bergen,,,,,,,,,",
    "1800JF9,,Plain,bergen,,,,,,,,,",
    "1500JF9,,Edge 3.0,,,,,,,,,,",
  ]);
  expect(moved).toMatchObject({ code: 1, notes: expect.stringContaining("2 of 3 rows failed: see ") });
  const [name = ""] = errorFiles();
  expect(name).toMatch(/^import_error_/);
  expect(errorsIn(name)).toEqual([
    ["2500JF3", expect.stringMatching(/is at the site site-\w+ already$/)],
    ["1500JF9", expect.stringMatching(/has another operating system already/)],
  ]);
  expect((await hosts()).map(({ siteId }: { siteId: string }) => siteId)).toEqual([
    ids.site,
    ids.site,
    ids.other,
    ids.site,
  ]);

  const mended = readFileSync(join(world.home, name), "utf8")
    .replaceAll("bergen", "oslo")
    .replaceAll("Edge 3.0", "Plain");
  writeFileSync(join(world.home, "mended.csv"), mended);
  expect((await world.run("import", "hosts", join(world.home, "mended.csv"))).notes).toBe("2 rows are imported\n");
});

test("a machine that may be either of two is not made a third time", async () => {
  const register = (uuid: string) =>
    world.hub.ask("POST", `${AT}/compute/hosts/register`, { name: "", serialNumber: "TWINS", uuid });
  await register("11111111-2046-5310-8052-cac04f515233");
  await register("22222222-2046-5310-8052-CAC04F515233");
  const before = (await hosts()).length;
  const either = await importing(["TWINS,,,oslo,,,,,,,,,", ",22222222-2046-5310-8052-cac04f515233,,oslo,,,,,,,,,"]);
  expect(either).toMatchObject({ code: 1, notes: expect.stringContaining("line 2: 2 hosts have this serial number") });
  const after = await hosts();
  expect(after).toHaveLength(before);
  expect(
    after
      .filter(({ serialNumber }: { serialNumber: string }) => serialNumber === "TWINS")
      .map(({ siteId }: { siteId: string }) => siteId)
      .sort(),
  ).toEqual(["", ids.site]);
});

test("who may only read makes nothing, and the rows after the first are not tried", async () => {
  const { body } = await world.hub.ask("POST", `${AT}/service-tokens`, { name: "reader", roles: ["im-r"] });
  const file = join(world.home, "shop.csv");
  writeFileSync(file, [HEADER, "1900JF9,,,,,,,,,,,,", "1901JF9,,,,,,,,,,,,", ""].join("\n"));
  const environment = { HOLDFAST_URL: world.hub.url, HOLDFAST_TOKEN: body.token };
  expect((await world.runWith({ environment }, "import", "hosts", file)).code).toBe(1);
  const [name = ""] = errorFiles();
  expect(errorsIn(name)[1]?.[1]).toMatch(/^not tried after: /);
});

test("what is no file of hosts is named, and nothing is asked", async () => {
  expect((await world.run("import", "hosts", "/nowhere.csv")).notes).toMatch(/\/nowhere.csv: ENOENT/);
  expect(await importing([])).toMatchObject({ code: 2, notes: expect.stringContaining("has no rows") });
  expect((await world.run("import", "toasters", "x.csv")).code).toBe(2);
});
