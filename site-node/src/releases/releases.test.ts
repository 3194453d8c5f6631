import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureContent } from "@holdfast/protocol/manifest/content";
import { type Manifest, manifestText, trustedCommentOf } from "@holdfast/protocol/manifest/manifest";
import { agentContentPath, agentReleasePath } from "@holdfast/protocol/manifest/releases";
import { silentLog } from "@holdfast/runtime";
import { readPublicKey, readSecretKey } from "@holdfast/runtime/minisign/format";
import { signMinisign } from "@holdfast/runtime/minisign/minisign";
import fastify from "fastify";
import { expect, test } from "vitest";
import { TestSite } from "../testing/test-site.ts";
import { Releases } from "./releases.ts";
import { releaseRoutes } from "./route.ts";

const fixture = (name: string) =>
  readFileSync(new URL(`../../../runtime/fixtures/minisign/${name}`, import.meta.url), "utf8");
const SECRET = readSecretKey(fixture("key.secret"));
const KEYS = [readPublicKey(fixture("key.pub"))];

async function siteWithReleases() {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-releases-"));
  const site = await TestSite.open();
  const clock = { now: () => 0, monotonic: () => time.now, sleep: async () => undefined };
  const time = { now: 0 };
  const started = async () => {
    const releases = new Releases({ store: site.store, directory, keys: KEYS, clock, log: silentLog });
    const app = fastify();
    releaseRoutes(app, { releases, log: silentLog });
    await app.ready();
    return {
      app,
      newest: async () => {
        time.now += 60_000;
        const { statusCode, body } = await app.inject(agentReleasePath("x86_64"));
        return statusCode === 200 ? (JSON.parse(JSON.parse(body).manifest) as Manifest) : statusCode;
      },
    };
  };
  const put = async (sequence: number, change: Partial<Manifest> = {}, secret = SECRET) => {
    const content = Buffer.alloc(100_000, sequence);
    const path = join(directory, `agent-${sequence}`);
    const measured = await measureContent([content] as unknown as AsyncIterable<Uint8Array>, 65_536);
    const about = { schema: 1, kind: "agent", name: "holdfast-agent", architecture: "x86_64" } as const;
    const manifest: Manifest = { ...about, version: `1.${sequence}`, sequence, ...measured, ...change };
    const text = manifestText(manifest);
    writeFileSync(path, content);
    writeFileSync(`${path}.manifest.json`, text);
    const trusted = trustedCommentOf(manifest);
    writeFileSync(`${path}.manifest.json.minisig`, signMinisign(Buffer.from(text), secret, { trusted }));
    return { path, manifest, content };
  };
  return {
    ...{ directory, put, started, ...(await started()) },
    [Symbol.asyncDispose]: async () => {
      await site[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

test("agents are offered the newest release as it was signed, and its content byte for byte", async () => {
  await using it = await siteWithReleases();
  expect(await it.newest()).toBe(404);
  const first = await it.put(1);
  const second = await it.put(2);
  expect(await it.newest()).toEqual(second.manifest);
  const { body } = await it.app.inject(agentReleasePath("x86_64"));
  expect(JSON.parse(body)).toEqual({
    manifest: readFileSync(`${second.path}.manifest.json`, "utf8"),
    signature: readFileSync(`${second.path}.manifest.json.minisig`, "utf8"),
  });
  const content = await it.app.inject(agentContentPath("x86_64", second.manifest.sha256));
  expect(content.rawPayload.equals(second.content)).toBe(true);
  expect((await it.app.inject(agentContentPath("x86_64", first.manifest.sha256))).statusCode).toBe(404);
  expect((await it.app.inject(agentReleasePath("aarch64"))).statusCode).toBe(404);
});

test("a release is offered as soon as it is there", async () => {
  await using it = await siteWithReleases();
  expect((await it.app.inject(agentReleasePath("x86_64"))).statusCode).toBe(404);
  await it.put(1);
  expect((await it.app.inject(agentReleasePath("x86_64"))).statusCode).toBe(200);
});

test("a release that is taken away does not bring back an older one, also after a restart", async () => {
  await using it = await siteWithReleases();
  await it.put(1);
  const second = await it.put(2);
  await it.newest();
  rmSync(`${second.path}.manifest.json`);
  expect(await it.newest()).toBe(404);
  const again = await it.started();
  expect(await again.newest()).toBe(404);
  const third = await it.put(3);
  expect(await again.newest()).toEqual(third.manifest);
});

test.each<[string, (it: Awaited<ReturnType<typeof siteWithReleases>>, path: string) => unknown]>([
  ["its signature is gone", (_it, path) => rmSync(`${path}.manifest.json.minisig`)],
  ["its signature is of another key", (it) => it.put(2, {}, { ...SECRET, id: "0000000000000001" })],
  ["its manifest was changed", (_it, path) => rewrite(`${path}.manifest.json`, (text) => text.replace("1.2", "1.3"))],
  ["its content was changed", (_it, path) => rewrite(path, (text) => `x${text.slice(1)}`)],
  ["its content is cut short", (_it, path) => rewrite(path, (text) => text.slice(1))],
  ["it is of an image", (it) => it.put(2, { kind: "os-image", bootMode: "uefi" })],
])("a release is not offered when %s, and the one before is", async (_what, spoil) => {
  await using it = await siteWithReleases();
  const first = await it.put(1);
  const { path } = await it.put(2);
  await spoil(it, path);
  expect(await it.newest()).toEqual(first.manifest);
});

test("content that changes after it was found is not given away whole", async () => {
  await using it = await siteWithReleases();
  const { path, manifest, content } = await it.put(1);
  expect(await it.newest()).toEqual(manifest);
  writeFileSync(path, Buffer.concat([content.subarray(0, 99_999), Buffer.from("x")]));
  await expect(it.app.inject(agentContentPath("x86_64", manifest.sha256))).rejects.toThrow();
});

function rewrite(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, "latin1")), "latin1");
}
