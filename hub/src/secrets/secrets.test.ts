import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KINDS, tenantScope } from "@holdfast/protocol";
import { createLog, messageOf, silentLog, systemClock } from "@holdfast/runtime";
import { newSecret } from "@holdfast/runtime/secrets";
import { Value } from "typebox/value";
import { describe, expect, test } from "vitest";
import { administer } from "../administer.ts";
import { HubConfig } from "../config.ts";
import { scratch } from "../disaster/harness.ts";
import { createHub } from "../hub.ts";
import { startTestHub, type TestHub } from "../hub-harness.ts";
import { findSecretsKey } from "./find-key.ts";

/** What a log would be refused for: it looks like a token. */
const SECRET = newSecret("hft");

const HEX = "0123456789abcdef".repeat(4);
const OTHER_HEX = "fedcba9876543210".repeat(4);

/** By kind with secret fields, a body that is taken with them. A kind that is not here fails the test. */
const BODIES: Readonly<Record<string, Record<string, unknown>>> = {
  provider: {
    name: "acme",
    providerKind: "PROVIDER_KIND_BAREMETAL",
    apiEndpoint: "http://there",
    apiCredentials: [SECRET],
  },
};

const WITH_SECRETS = KINDS.filter(({ fields }) => Object.values(fields).some(({ secret }) => secret));

async function write(hub: TestHub, kind: (typeof KINDS)[number]): Promise<string> {
  const path = `/v1/projects/default/${kind.rest?.collections[0]}`;
  const answer = await hub.ask("POST", path, BODIES[kind.name]);
  expect(answer.status).toBe(200);
  expect(JSON.stringify(answer.body)).not.toContain(SECRET);
  return `${path}/${answer.body.resourceId}`;
}

/** All files of a home, as bytes. */
function bytesOf(home: string): string {
  return readdirSync(home)
    .map((name) => readFileSync(join(home, name), "latin1"))
    .join("");
}

function start(home: string, settings: Partial<HubConfig> = {}, credentialsDirectory?: string) {
  const config = { ...(Value.Default(HubConfig, {}) as HubConfig), ...settings, home, hubPort: 0 };
  return createHub(config, { clock: systemClock, log: silentLog, credentialsDirectory });
}

function run(command: string, ...options: string[]): Promise<string> {
  return administer(command, { arguments: options, environment: {} });
}

/** A home in which a provider's credentials are, without its hub. */
async function homeWithSecret(settings: Partial<HubConfig> = {}): Promise<string> {
  const home = scratch();
  const hub = await start(home, settings);
  const headers = {
    authorization: `Bearer ${readFileSync(join(home, "operator-token"), "utf8").trim()}`,
    "content-type": "application/json",
  };
  const body = JSON.stringify(BODIES.provider);
  await hub.tenants.idle();
  const answer = await fetch(`${hub.url}/v1/projects/default/providers`, { method: "POST", headers, body });
  expect(answer.status).toBe(200);
  await hub.close();
  return home;
}

async function credentialsIn(home: string, settings: Partial<HubConfig> = {}): Promise<string> {
  const hub = await start(home, settings);
  try {
    const provider = KINDS.find(({ name }) => name === "provider");
    return await hub.store.read(async (view) => {
      const [tenant] = await view.tenants();
      const found = provider && (await view.list(provider, { tenant: tenant?.id ?? "" }));
      return JSON.stringify(found?.resources.map(({ fields }) => fields));
    });
  } finally {
    await hub.close();
  }
}

describe("a secret field", () => {
  test.each(WITH_SECRETS.map((kind) => [kind.name, kind] as const))(
    "of a %s is told by no answer, and is in no file of the home in the clear",
    async (_name, kind) => {
      await using hub = await startTestHub();
      const site = await hub.site();
      const [names, path] = [Object.entries(kind.fields).filter(([, { secret }]) => secret), await write(hub, kind)];
      expect(names.every(([name]) => JSON.stringify(BODIES[kind.name]?.[name]).includes(SECRET))).toBe(true);
      const collection = path.slice(0, path.lastIndexOf("/"));
      const asked = [
        await hub.ask("GET", path),
        await hub.ask("GET", collection),
        await hub.ask("GET", `${collection}?orderBy=${names[0]?.[0]}`),
        await hub.ask("GET", `${collection}?filter=${names[0]?.[0]}%3D%22${SECRET}%22`),
        await hub.ask("GET", "/v1/audit"),
        await hub.ask("GET", "/v1/projects/default/audit"),
        await hub.ask("GET", "/v1/projects/default/conflicts"),
      ];
      expect(asked.map(({ status }) => status)).toEqual([200, 200, 400, 400, 200, 200, 200]);
      const answers = asked.map(({ body }) => JSON.stringify(body));
      const metrics = await fetch(`${hub.url}/metrics`, { headers: { authorization: `Bearer ${hub.operator}` } });
      const watched = await watch(hub, collection);
      const of = `table=feed&offset=-1&where=${encodeURIComponent(`scope = '${tenantScope(site.tenant)}'`)}`;
      const shape = await fetch(`${hub.url}/v1/shape?${of}`, { headers: site.headers });
      const shaped = await shape.text();
      expect([metrics.status, watched.includes("event:")]).toEqual([200, true]);
      expect([shape.status, shaped.includes(path.slice(path.lastIndexOf("/") + 1))]).toEqual([200, true]);
      for (const answer of [...answers, await metrics.text(), watched, shaped]) {
        expect(answer).not.toContain(SECRET);
        expect(answer).not.toContain("sealed:1:");
      }
      expect(answers[0]).not.toContain(names[0]?.[0] ?? "");
      await hub.ask("DELETE", path);
      await hub.stop();
      expect(bytesOf(hub.home)).not.toContain(SECRET);
    },
  );
});

/** What a watch of a collection says at first. */
async function watch(hub: TestHub, collection: string): Promise<string> {
  const abort = AbortSignal.timeout(5_000);
  const headers = { authorization: `Bearer ${hub.operator}`, accept: "text/event-stream" };
  const answer = await fetch(`${hub.url}${collection}?watch=true`, { headers, signal: abort });
  const reader = answer.body?.getReader();
  const first = await reader?.read();
  await reader?.cancel();
  return Buffer.from(first?.value ?? []).toString();
}

describe("the secrets key", () => {
  test("is made in the home at the first start, its owner's alone, and the log says where", () => {
    const home = scratch();
    const said: string[] = [];
    const log = createLog("test", "info", { write: (line) => void said.push(line) });
    const key = findSecretsKey({ home }, log);
    const path = join(home, "secrets-key");
    expect([statSync(path).mode & 0o777, said.length, said[0]]).toEqual([0o600, 1, expect.stringContaining(path)]);
    expect(said.join("")).not.toContain(key.bytes.toString("hex"));
    expect(findSecretsKey({ home }, log)).toEqual(key);
    expect(said).toHaveLength(1);
  });

  test("may be plain, hex or base64, in a file or a credential; the file comes first", async () => {
    const folder = scratch();
    const bytes = Buffer.from(HEX, "hex");
    const file = join(folder, "key");
    for (const written of [bytes, `${HEX}\n`, HEX.toUpperCase(), `${bytes.toString("base64")}\n`]) {
      writeFileSync(file, written);
      expect(findSecretsKey({ home: folder, secretsKeyFile: file }, silentLog).bytes).toEqual(bytes);
    }
    writeFileSync(join(folder, "holdfast-secrets-key"), OTHER_HEX);
    const given = { home: folder, credentialsDirectory: folder };
    expect(findSecretsKey(given, silentLog).bytes.toString("hex")).toBe(OTHER_HEX);
    expect(findSecretsKey({ ...given, secretsKeyFile: file }, silentLog).bytes).toEqual(bytes);
    expect(existsSync(join(folder, "secrets-key"))).toBe(false);
    await (await start(folder, {}, folder)).close();
    expect(existsSync(join(folder, "secrets-key"))).toBe(false);
  });

  test("that is missing, damaged or another is refused by its setting, and nothing changes", async () => {
    const folder = scratch();
    const [right, other, damaged] = ["right", "other", "damaged"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(right, HEX);
    writeFileSync(other, OTHER_HEX);
    writeFileSync(damaged, HEX.slice(1));
    const home = await homeWithSecret({ secretsKeyFile: right });
    const before = readFileSync(join(home, "hub.db"));
    const refused = (secretsKeyFile?: string) =>
      start(home, secretsKeyFile === undefined ? {} : { secretsKeyFile }).then(() => "started", messageOf);
    expect(await refused(join(folder, "none"))).toMatch(/^--secrets-key-file .*none is not there/);
    expect(await refused(folder)).toMatch(/^--secrets-key-file .* is no file of a key/);
    expect(await refused(damaged)).toMatch(/^--secrets-key-file .*damaged holds no key: it must hold 32 random bytes/);
    expect(await refused(other)).toMatch(
      /sealed by the key [0-9a-f]{16}, and --secrets-key-file .*other holds the key/,
    );
    expect(await refused()).toMatch(/there is none: name its file with --secrets-key-file/);
    expect(readFileSync(join(home, "hub.db")).equals(before)).toBe(true);
    expect(existsSync(join(home, "secrets-key"))).toBe(false);
    expect(await credentialsIn(home, { secretsKeyFile: right })).toContain(SECRET);
  });

  test("is changed by a command, for the secrets too", async () => {
    const home = await homeWithSecret();
    const next = join(scratch(), "next");
    writeFileSync(next, OTHER_HEX);
    const said = await run("secrets rotate", "--home", home, "--new-key-file", next);
    expect(said).toMatch(/sealed by the key [0-9a-f]{12} now\.\n.*secrets-key is not used any more/);
    await expect(start(home)).rejects.toThrow(/--secrets-key-file/);
    expect(await credentialsIn(home, { secretsKeyFile: next })).toContain(SECRET);
    await run("secrets rotate", "--home", home, "--secrets-key-file", next);
    expect(await credentialsIn(home, { secretsKeyFile: next })).toContain(SECRET);
    await expect(run("secrets rotate", "--home", home)).rejects.toThrow(/sealed by the key/);
  });
});

describe("a backup", () => {
  test("holds secrets sealed, says by which key, and is restored with that key alone", async () => {
    const home = await homeWithSecret();
    const file = join(scratch(), "backup");
    expect(await run("backup", file, "--home", home)).toMatch(
      /secrets +sealed by the key [0-9a-f]{16}, which is not in here/,
    );
    expect(readFileSync(file, "latin1")).not.toContain(SECRET);

    const elsewhere = scratch();
    await expect(run("restore", file, "--home", elsewhere)).rejects.toThrow(/sealed by the key .*--secrets-key-file/);
    const other = join(scratch(), "other");
    writeFileSync(other, OTHER_HEX);
    const wrong = run("restore", file, "--home", elsewhere, "--secrets-key-file", other);
    await expect(wrong).rejects.toThrow(/other holds the key/);
    expect(existsSync(join(elsewhere, "hub.db"))).toBe(false);

    const secretsKeyFile = join(home, "secrets-key");
    await run("restore", file, "--home", elsewhere, "--secrets-key-file", secretsKeyFile);
    expect(await credentialsIn(elsewhere, { secretsKeyFile })).toContain(SECRET);
  });

  test("is restored without its secrets when the key is lost", async () => {
    const home = await homeWithSecret();
    const file = join(scratch(), "backup");
    await run("backup", file, "--home", home);
    rmSync(join(home, "secrets-key"));
    await expect(start(home)).rejects.toThrow(/there is none/);
    await run("restore", file, "--home", home, "--without-secrets");
    expect(await credentialsIn(home)).toContain('"apiCredentials":[]');
  });
});
