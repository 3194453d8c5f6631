import { systemClock } from "@holdfast/runtime";
import { describe, expect, test } from "vitest";
import { AddressPatience } from "./address-patience.ts";
import { createPasswords } from "./passwords.ts";
import { oneMore, PATIENCE_WITH_ADDRESS, PATIENCE_WITH_NAME, waitAfter } from "./patience.ts";
import { RefusalsTold } from "./refusals-told.ts";
import { PASSWORD, startSigninHub } from "./under-test.ts";

const HOSTS = "/v1/projects/default/compute/hosts";

test.each([
  [1, 0],
  [4, 0],
  [5, 30_000],
  [6, 60_000],
  [7, 120_000],
  [9, 480_000],
  [10, 900_000],
  [1_000, 900_000],
])("after %i wrong passwords a name waits %i milliseconds", (failures, wait) => {
  expect(waitAfter(failures, PATIENCE_WITH_NAME)).toBe(wait);
});

test("wrong passwords are forgotten after an hour without one", () => {
  const before = { failures: 9, last: 0, until: 480_000 };
  expect(oneMore(before, 3_599_999, PATIENCE_WITH_NAME).failures).toBe(10);
  expect(oneMore(before, 3_600_000, PATIENCE_WITH_NAME)).toEqual({ failures: 1, last: 3_600_000, until: 3_600_000 });
});

test("whoever guesses a password has to wait, longer each time; a name that nobody has waits the same", async () => {
  let ahead = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + ahead };
  await using hub = await startSigninHub({ clock });
  await hub.user("alice", "im-rw");
  const { access_token: token, refresh_token } = (await hub.signIn("alice")).body;
  const said: unknown[] = [];
  for (const name of ["alice", "nobody"]) {
    const answers: unknown[] = [];
    for (let tries = 0; tries < 5; tries += 1) {
      const { status, body } = await hub.signIn(name, `guess-${tries}`);
      answers.push([status, body]);
    }
    // The right one, now, and as somebody else writes the name.
    for (const written of [name, name.toUpperCase()]) {
      const { status, body, headers } = await hub.signIn(written);
      answers.push([status, body.error]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(25);
      expect(Number(headers.get("retry-after"))).toBeLessThanOrEqual(30);
    }
    said.push(answers);
  }
  const [ofAlice, ofNobody] = said;
  expect(ofNobody).toEqual(ofAlice);
  const refused = { error: "invalid_grant", error_description: "the user name or the password is wrong" };
  expect(ofAlice).toEqual([...Array(5).fill([401, refused]), [429, "slow_down"], [429, "slow_down"]]);
  expect(await hub.run("user list")).toContain("waits until");
  // Guessing ends nobody's work.
  expect((await hub.ask("GET", HOSTS, undefined, token)).status).toBe(200);
  const form = { client_id: "system-client", grant_type: "refresh_token", refresh_token };
  expect((await hub.token(form)).status).toBe(200);

  await hub.restart();
  expect((await hub.signIn("alice")).status).toBe(429);
  ahead += 31_000;
  expect((await hub.signIn("alice", "guess-6")).status).toBe(401);
  expect(Number((await hub.signIn("alice")).headers.get("retry-after"))).toBeGreaterThan(55);
  ahead += 61_000;
  expect((await hub.signIn("alice")).status).toBe(200);
  for (let tries = 0; tries < 4; tries += 1) expect((await hub.signIn("alice", "guess")).status).toBe(401);
  expect((await hub.signIn("alice")).status).toBe(200);
});

test("who signed in, who was turned away and what was done with users is in the audit log, and no password", async () => {
  await using hub = await startSigninHub();
  await hub.user("alice", "im-rw");
  await hub.signIn("alice", "guess-which");
  const { access_token } = (await hub.signIn("alice")).body;
  await hub.ask("POST", "/v1/projects/default/regions", { name: "north" }, access_token);
  await hub.run("user lock", "alice");
  const changes = await hub.hub.store.read((view) => view.changes("", 0, 100));
  const said = changes.map(({ kind, id, operation, actor }) => [kind, id, operation, actor]);
  const session = expect.stringMatching(/^session-/);
  expect(said.slice(-4)).toEqual([
    ["user", "alice", "create", "operator:local"],
    ["session", "alice", "refuse", "nobody"],
    ["session", session, "create", "user:alice"],
    ["user", "alice", "update", "operator:local"],
  ]);
  expect(changes.at(-2)).toMatchObject({ address: "127.0.0.1", request: expect.any(String) });
  expect(JSON.stringify(changes)).not.toMatch(/guess-which|correct horse|argon2/);
  const tenant = await hub.hub.store.read((view) => view.tenant("default"));
  const region = (await hub.hub.store.read((view) => view.changes(tenant?.id ?? "", 0, 100))).at(-1);
  expect(region).toMatchObject({ actor: "user:alice", token: session, kind: "region" });
});

test("twenty refusals an hour of an address are in the audit log, and how many there were besides", async () => {
  let ahead = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead };
  await using hub = await startSigninHub({ clock });
  const guess = async (...names: string[]) => {
    for (const name of names) expect([name, (await hub.signIn(name, "guess")).status]).toEqual([name, 401]);
  };
  await guess(...Array.from({ length: 20 }, (_, at) => `name-${at}`));
  ahead += 1_000;
  await guess("untold");
  ahead += 180_000;
  await guess("later");
  const { entries } = (await hub.ask("GET", "/v1/audit?kind=session&operation=refuse&pageSize=100")).body;
  const told = entries.map(({ resourceId, after }: Readonly<Record<string, unknown>>) => [resourceId, after]);
  expect(told).toHaveLength(21);
  expect(told.slice(0, 2)).toEqual([
    ["later", { waitsSeconds: 0, othersRefused: 1 }],
    ["name-19", { waitsSeconds: 0 }],
  ]);
});

test("of all addresses together a thousand refusals an hour are told", () => {
  const refusals = new RefusalsTold({ monotonic: () => 0 });
  const told = Array.from({ length: 1_500 }, (_, at) => refusals.tell(`192.0.2.${at % 250}`));
  expect(told.filter((untold) => untold !== undefined)).toHaveLength(1_000);
  expect(refusals.tell("198.51.100.1")).toBeUndefined();
});

test("an operator lets a name try again", async () => {
  await using hub = await startSigninHub();
  await hub.user("alice", "im-rw");
  for (let tries = 0; tries < 5; tries += 1) await hub.signIn("alice", "guess");
  expect((await hub.signIn("alice")).status).toBe(429);
  await hub.run("user unlock", "alice");
  expect((await hub.signIn("alice")).status).toBe(200);
});

test("many guesses at once are no more guesses than as many one after the other", async () => {
  await using hub = await startSigninHub();
  await hub.user("alice", "im-rw");
  const answers = await Promise.all(Array.from({ length: 15 }, (_, at) => hub.signIn("alice", `guess-${at}`)));
  const statuses = answers.map(({ status }) => status).sort();
  expect(statuses).toEqual([...Array(5).fill(401), ...Array(10).fill(429)]);
});

describe("an address that tries many names", () => {
  const GUESSER = "192.0.2.1";

  function guessedFrom(address: string, { times = PATIENCE_WITH_ADDRESS.free, home = [] as string[] } = {}) {
    let now = 0;
    const patience = new AddressPatience({ monotonic: () => now });
    for (const name of home) patience.wasRight({ address, name });
    for (let at = 0; at < times; at += 1) patience.wasWrong({ address, name: `name-${at}` });
    const wait = (name: string, from = address) => patience.waitFor({ address: from, name });
    return { patience, wait, pass: (ms: number) => (now += ms) };
  }

  test("has to wait, longer each time, and no other does", () => {
    expect(guessedFrom(GUESSER, { times: PATIENCE_WITH_ADDRESS.free - 1 }).wait("alice")).toBe(0);
    const { patience, wait, pass } = guessedFrom(GUESSER);
    expect([wait("alice"), wait("alice", "192.0.2.2")]).toEqual([1_000, 0]);
    pass(1_000);
    expect(wait("alice")).toBe(0);
    patience.wasWrong({ address: GUESSER, name: "alice" });
    expect(wait("alice")).toBe(2_000);
  });

  test("has to wait in all of its IPv6 network", () => {
    const { wait } = guessedFrom("2001:db8::1");
    expect([wait("alice", "2001:db8::2:1"), wait("alice", "2001:db8:0:1::1")]).toEqual([1_000, 0]);
  });

  test("keeps nobody waiting who was signed in from there within a month", () => {
    const { patience, wait, pass } = guessedFrom(GUESSER, { home: ["alice"] });
    expect([wait("alice"), wait("bob")]).toEqual([0, 1_000]);
    const isAtHome = (address: string) => patience.isAtHome({ address, name: "alice" });
    pass(30 * 86_400_000 - 1);
    expect([isAtHome(GUESSER), isAtHome("192.0.2.2")]).toEqual([true, false]);
    pass(1);
    expect(isAtHome(GUESSER)).toBe(false);
  });

  test("is not any where only those who are at home there mistype", () => {
    const { patience, wait } = guessedFrom(GUESSER, { times: 0, home: ["alice"] });
    for (let at = 0; at < 100; at += 1) patience.wasWrong({ address: GUESSER, name: "alice" });
    expect(wait("bob")).toBe(0);
  });
});

test("who tries one name after the other is stopped, and colleagues who were signed in from there are not", async () => {
  let ahead = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead };
  await using hub = await startSigninHub({ clock });
  await hub.user("alice", "im-rw");
  await hub.user("bob", "im-rw");
  await hub.user("carol", "im-rw");
  const { refresh_token } = (await hub.signIn("alice")).body;
  expect((await hub.signIn("carol")).status).toBe(200);
  // What Alice does from now on shows that she is at home, too.
  await hub.restart();
  await hub.token({ client_id: "system-client", grant_type: "refresh_token", refresh_token });
  for (let [tries, wait] = [0, 0]; wait < 60; tries += 1) {
    const { headers } = await hub.signIn(`name-${tries}`, "guess");
    wait = Number(headers.get("retry-after") ?? 0);
    if (wait < 60) ahead += wait * 1_000;
  }
  for (const name of ["bob", "carol"]) {
    expect(await hub.signIn(name)).toMatchObject({ status: 429, body: { error: "slow_down" } });
  }
  expect((await hub.signIn("alice")).status).toBe(200);
});

test("so many passwords are looked at, of an address and of each name that is at home there", async () => {
  await using hub = await startSigninHub();
  await hub.user("alice", "im-rw");
  await hub.user("bob", "im-rw");
  const statuses: number[] = [];
  for (let tries = 0; tries < 90; tries += 1) statuses.push((await hub.signIn("alice")).status);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  expect((await hub.signIn("bob")).status).toBe(200);
});

test("who asks the issuer too often is told to come later, as OAuth 2.0 says it", async () => {
  await using hub = await startSigninHub({ requestsPerSecond: 1 });
  const form = { client_id: "c", grant_type: "refresh_token", refresh_token: "x" };
  const answers = await Promise.all(Array.from({ length: 30 }, () => hub.token(form)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400, 429]));
  const refused = answers.find(({ status }) => status === 429);
  expect([refused?.body.error, refused?.headers.get("retry-after")]).toEqual(["slow_down", "1"]);
});

test("few passwords are checked at once, and whoever comes when too many wait is told to come later", async () => {
  const passwords = createPasswords({ memoryKib: 1_024, passes: 1 });
  const hash = await passwords.hash(PASSWORD);
  const asked = Array.from({ length: 40 }, () => passwords.matches(PASSWORD, hash));
  const answers = await Promise.allSettled(asked);
  expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(34);
  expect(answers.at(-1)).toMatchObject({ status: "rejected", reason: { code: "Unavailable" } });
  expect(await passwords.matches(PASSWORD, hash)).toBe(true);
});

test("a password is checked against nothing as long as against a hash, and is wrong", async () => {
  const passwords = createPasswords({ memoryKib: 8, passes: 1 });
  expect(await passwords.matches("nobody's password", undefined)).toBe(false);
  expect(await passwords.matches("x".repeat(2_000), await passwords.hash(PASSWORD))).toBe(false);
});
