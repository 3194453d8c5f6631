import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory, testLog } from "../testing/agents.ts";
import { manualClock } from "../testing/manual-clock.ts";
import { KEYS, OTHER_KEYS, releaseServer, type SignedRelease, signedRelease } from "../testing/releases.ts";
import { fetchRelease } from "./fetch.ts";
import { readJournal } from "./journal.ts";
import { fetchedIn, programsIn } from "./places.ts";
import { PROVEN_WITHIN, superviseUpdate } from "./supervise.ts";

type Behaviour = "reaches its site" | "stays silent";

/** A machine with release `old` installed, whose service does as the release that is started would. */
function machine(behaves: (release: string) => Behaviour) {
  const directory = temporaryDirectory();
  const programs = programsIn(join(directory.path, "programs"));
  const fetched = fetchedIn(join(directory.path, "state"));
  mkdirSync(join(programs.releases, "old"), { recursive: true });
  mkdirSync(fetched.directory, { recursive: true });
  writeFileSync(join(programs.releases, "old", "holdfast-agent"), "old");
  for (const link of [programs.current, programs.trusted]) symlinkSync("releases/old", link);
  const clock = manualClock();
  const { log, lines } = testLog();
  const started: string[] = [];
  const release = () => readlinkSync(programs.current).slice("releases/".length);
  const restart = async () => {
    started.push(release());
    const update = readJournal(programs.journal);
    if (update?.phase !== "trying" || behaves(release()) === "stays silent") return;
    writeFileSync(fetched.proven, `${update.trial}\n`);
  };
  const architecture = "x86_64" as const;
  const supervise = async (keys = KEYS) => {
    const options = { programs, fetched, keys, architecture, restart, clock, log };
    const stop = new AbortController();
    let isOver = false;
    const done = superviseUpdate({ ...options, signal: stop.signal }).finally(() => {
      isOver = true;
    });
    done.catch(() => undefined);
    for (let second = 0; second <= PROVEN_WITHIN / 1_000 && !isOver; second += 1) await clock.advance(1_000);
    return done;
  };
  /** As `supervise`, and the power goes while a try is under way. */
  const cutOff = async () => {
    const stop = new AbortController();
    const options = { programs, fetched, keys: KEYS, architecture, restart, clock, log, signal: stop.signal };
    const done = superviseUpdate(options).catch(() => undefined);
    await clock.advance(1_000);
    stop.abort(new Error("the power is gone"));
    await done;
  };
  const fetch = (siteUrl: string, keys = KEYS) =>
    fetchRelease({
      ...{ siteUrl, architecture, keys, fetched, update: readJournal(programs.journal) },
      signal: new AbortController().signal,
    });
  const lay = ({ content, text, signature }: SignedRelease) => {
    writeFileSync(fetched.content, content);
    writeFileSync(fetched.manifest, text);
    writeFileSync(fetched.signature, signature);
    writeFileSync(fetched.ready, "");
  };
  const executable = (of: string) => readFileSync(join(programs.releases, of, "holdfast-agent"));
  return {
    ...{ programs, fetched, supervise, cutOff, fetch, lay, release, executable, started, lines },
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

test("a newer release is fetched, checked, started, and trusted when it has reached its site; the one before is kept", async () => {
  await using server = await releaseServer();
  using it = machine(() => "reaches its site");
  expect(await it.fetch(server.url)).toEqual({ is: "nothing" });
  server.site.offered = await signedRelease(2);
  expect(await it.fetch(server.url)).toMatchObject({ is: "fetched", manifest: { sequence: 2 } });
  expect(await it.fetch(server.url)).toEqual({ is: "nothing" });
  expect(await it.supervise()).toMatchObject({ phase: "steady", release: "1.2-2", known: { sequence: 2 } });
  expect([it.release(), readlinkSync(it.programs.trusted)]).toEqual(["1.2-2", "releases/1.2-2"]);
  expect(it.executable("1.2-2").equals(server.site.offered.content)).toBe(true);
  expect(it.executable("old").toString()).toBe("old");
  expect(existsSync(it.fetched.ready)).toBe(false);
  expect(await it.fetch(server.url)).toEqual({ is: "nothing" });
  expect(server.site.downloads).toBe(1);
});

test("a release that does not reach its site in time is rolled back, and after a second time not tried again", async () => {
  await using server = await releaseServer();
  using it = machine(() => "stays silent");
  server.site.offered = await signedRelease(2);
  for (const times of [1, 2]) {
    expect(await it.fetch(server.url)).toMatchObject({ is: "fetched" });
    const failures = [expect.objectContaining({ release: "1.2-2", times })];
    expect(await it.supervise()).toMatchObject({ phase: "steady", release: "old", failures });
    expect([it.release(), readlinkSync(it.programs.trusted)]).toEqual(["old", "releases/old"]);
  }
  expect(await it.fetch(server.url)).toEqual({ is: "nothing" });
  it.lay(server.site.offered);
  await it.supervise();
  expect(it.started).toEqual(["1.2-2", "old", "1.2-2", "old"]);
  server.site.offered = await signedRelease(3);
  expect(await it.fetch(server.url)).toMatchObject({ is: "fetched" });
});

test("a release that takes the machine down with it is begun with three times, then the one before runs", async () => {
  using it = machine(() => "stays silent");
  it.lay(await signedRelease(2));
  for (let boot = 0; boot < 3; boot += 1) await it.cutOff();
  expect(readJournal(it.programs.journal)).toMatchObject({ phase: "trying", starts: 3 });
  expect(await it.supervise()).toMatchObject({ phase: "steady", release: "old" });
  expect(it.started).toEqual(["1.2-2", "1.2-2", "1.2-2", "old"]);
});

test("when the power goes before the one before runs again, it does at the next start", async () => {
  using it = machine(() => "stays silent");
  it.lay(await signedRelease(2));
  await it.supervise();
  rmSync(it.programs.current);
  symlinkSync("releases/1.2-2", it.programs.current);
  await it.supervise();
  expect(it.release()).toBe("old");
});

test("an older release is refused by the machine, whoever signed and offers it", async () => {
  await using server = await releaseServer();
  using it = machine(() => "reaches its site");
  it.lay(await signedRelease(3));
  await it.supervise();
  server.site.offered = await signedRelease(2);
  expect(await it.fetch(server.url)).toMatchObject({ is: "refused", reason: expect.stringContaining("is older than") });
  it.lay(server.site.offered);
  expect(await it.supervise()).toMatchObject({ phase: "steady", release: "1.3-3" });
  expect(it.lines.at(-1)).toMatchObject({ error: expect.stringContaining("is older than") });
});

test.each<[string, (it: ReturnType<typeof machine>) => unknown, RegExp]>([
  ["another content", (it) => writeFileSync(it.fetched.content, Buffer.alloc(150_000, 9)), /chunk 0 .* not what/],
  ["a shorter content", (it) => writeFileSync(it.fetched.content, "x"), /not whole/],
  ["a link to what only root may read", (it) => link(it.fetched.content, "/etc/shadow"), /opening/],
  ["a link in place of the manifest", (it) => link(it.fetched.manifest, "/etc/passwd"), /opening/],
  ["a device", (it) => link(it.fetched.content, "/dev/zero"), /opening/],
  ["a directory", (it) => becomeDirectory(it.fetched.content), /no plain file/],
  ["nothing", (it) => rmSync(it.fetched.manifest), /opening/],
  ["a huge manifest", (it) => writeFileSync(it.fetched.manifest, Buffer.alloc(3_000_000)), /at most/],
  ["another machine's release", async (it) => it.lay(await signedRelease(2, { architecture: "aarch64" })), /aarch64/],
  [
    "an image",
    async (it) => it.lay(await signedRelease(2, { kind: "os-image", bootMode: "uefi" })),
    /of os-image, not of an agent/,
  ],
])("root believes nothing that the agent has: %s is not taken up", async (_what, spoil, reason) => {
  using it = machine(() => "reaches its site");
  it.lay(await signedRelease(2));
  await spoil(it);
  expect(await it.supervise()).toMatchObject({ phase: "steady", release: "old", known: undefined });
  expect(it.started).toEqual([]);
  expect(it.lines.at(-1)).toMatchObject({ error: expect.stringMatching(reason) });
  expect(existsSync(it.fetched.ready)).toBe(false);
});

test("a release that is signed by another key is neither fetched nor taken up", async () => {
  await using server = await releaseServer();
  using it = machine(() => "reaches its site");
  server.site.offered = await signedRelease(2);
  expect(await it.fetch(server.url, OTHER_KEYS)).toMatchObject({ is: "refused" });
  expect(server.site.downloads).toBe(0);
  it.lay(server.site.offered);
  expect(await it.supervise(OTHER_KEYS)).toMatchObject({ release: "old" });
});

test("a download that is broken off, or is not what was signed, leaves nothing to take up", async () => {
  await using server = await releaseServer();
  using it = machine(() => "reaches its site");
  const offered = await signedRelease(2);
  server.site.offered = offered;
  server.site.cutAt = 70_000;
  await expect(it.fetch(server.url)).rejects.toThrow();
  server.site.cutAt = Number.POSITIVE_INFINITY;
  server.site.offered = { ...offered, content: Buffer.alloc(150_000, 9) };
  await expect(it.fetch(server.url)).rejects.toThrow(/chunk 0 of the content is not what was signed/);
  server.site.offered = { ...offered, content: Buffer.concat([offered.content, Buffer.from("x")]) };
  await expect(it.fetch(server.url)).rejects.toThrow(/not what was signed/);
  expect(existsSync(it.fetched.ready)).toBe(false);
  server.site.offered = offered;
  expect(await it.fetch(server.url)).toMatchObject({ is: "fetched" });
});

test("a journal that cannot be understood stops updates instead of forgetting what was refused", async () => {
  using it = machine(() => "reaches its site");
  it.lay(await signedRelease(2));
  writeFileSync(it.programs.journal, '{"phase":"steady","release":"../../etc","failures":[]}');
  await expect(it.supervise()).rejects.toThrow(/is no journal of updates/);
  expect(it.started).toEqual([]);
});

function link(path: string, to: string): void {
  rmSync(path);
  symlinkSync(to, path);
}

function becomeDirectory(path: string): void {
  rmSync(path);
  mkdirSync(path);
}
