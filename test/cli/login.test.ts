import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { PASSWORD } from "@holdfast/hub/signin/under-test";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CliWorld, startCliWorld } from "./under-test.ts";

let world: CliWorld;

beforeAll(async () => {
  // Tokens that have run out, by the margin of whoever uses them, when they are given.
  world = await startCliWorld({ accessTokenSeconds: 10 });
  await world.hub.user("clerk", "im-rw");
});
afterAll(() => world[Symbol.asyncDispose]());

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const stored = () => JSON.parse(readFileSync(world.config, "utf8"));

test("who signs in with a password is known to the commands after it, which renew the token when it has run out", async () => {
  const signedIn = await world.runWith({ secret: PASSWORD }, "login", `${world.hub.url}/`, "clerk");
  expect(signedIn).toEqual({ code: 0, out: "", notes: `signed in at ${world.hub.url}, project default\n` });
  expect(statSync(world.config).mode & 0o777).toBe(0o600);
  const { session } = stored().endpoints[world.hub.url];
  expect(await world.runWith({}, "get", "hosts")).toMatchObject({ code: 0, notes: "" });
  const later = stored().endpoints[world.hub.url].session;
  expect(later.accessToken).not.toBe(session.accessToken);
  expect(later.refreshToken).toBe(session.refreshToken);
  expect(readFileSync(world.config, "utf8")).not.toContain(PASSWORD);
});

test("a stored token is sent to nobody else", async () => {
  const other = `http://localhost:${new URL(world.hub.url).port}`;
  const asked = await world.runWith({}, "get", "hosts", "--url", other);
  expect(asked).toMatchObject({ code: 2, notes: expect.stringContaining("a token is needed") });
});

test("who signs out has no session any more, here and at the hub", async () => {
  const { session } = stored().endpoints[world.hub.url];
  expect(await world.runWith({}, "logout")).toMatchObject({ code: 0, notes: `signed out of ${world.hub.url}\n` });
  expect(stored()).toEqual({ endpoints: {} });
  const { status } = await world.hub.token({
    client_id: "holdfast-cli",
    grant_type: "refresh_token",
    refresh_token: session.refreshToken,
  });
  expect(status).toBe(400);
  expect((await world.runWith({}, "get", "hosts")).code).toBe(2);
});

test("a password goes nowhere but to the hub that was named, whatever that says", async () => {
  const asked: string[] = [];
  const elsewhere = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end("{}");
  });
  const named = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ token_endpoint: `${urlOf(elsewhere)}/token` }));
  });
  for (const server of [elsewhere, named]) await once(server.listen(0, "127.0.0.1"), "listening");
  const said = await world.runWith({ secret: PASSWORD }, "login", urlOf(named), "clerk");
  expect(said).toMatchObject({ code: 1, notes: expect.stringContaining("which is elsewhere") });
  expect(asked).toEqual([]);
  for (const server of [elsewhere, named]) server.close();
});

test("a wrong password is refused in the issuer's words, and a token that opens nothing in the API's: nothing is stored", async () => {
  const wrong = await world.runWith({ secret: "wrong" }, "login", world.hub.url, "clerk");
  expect(wrong).toMatchObject({ code: 1, notes: expect.stringMatching(/^holdfast login: invalid_grant: /) });
  const bad = await world.runWith({ secret: "nonsense" }, "login", world.hub.url);
  expect(bad).toMatchObject({ code: 1, notes: expect.stringMatching(/^holdfast login: Unauthenticated: /) });
  expect(stored()).toEqual({ endpoints: {} });
});

test("who is no user of a hub that has another provider too is told how to come with that one's token", async () => {
  const oidcIssuer = "https://id.example/realms/main";
  await using other = await startCliWorld({ oidcIssuer, oidcAudience: "holdfast" });
  const wrong = await other.runWith({ secret: "wrong" }, "login", other.hub.url, "clerk");
  expect(wrong.code).toBe(1);
  expect(wrong.notes).toMatch(/^holdfast login: invalid_grant: the user name or the password is wrong; /);
  expect(wrong.notes).toContain(`${oidcIssuer} signs people in here, too`);
  expect(wrong.notes).toMatch(/--token-file FILE.*HOLDFAST_TOKEN/);
  const plain = await world.runWith({ secret: "wrong" }, "login", world.hub.url, "clerk");
  expect(plain.notes).not.toContain("HOLDFAST_TOKEN");
});

test("a token in a file signs in, and nothing of it is ever printed", async () => {
  const file = join(world.home, "token");
  writeFileSync(file, `${world.hub.operator}\n`);
  const ran = await world.runWith({}, "login", world.hub.url, "--token-file", file);
  expect(ran.code).toBe(0);
  expect(await world.runWith({}, "get", "hosts")).toMatchObject({ code: 0 });
  expect(await world.runWith({}, "logout")).toMatchObject({ notes: expect.stringContaining("until it is revoked") });
  expect(ran.out + ran.notes).not.toContain(world.hub.operator);
  expect(existsSync(file)).toBe(true);
});

test("a damaged configuration is named, and not quoted", async () => {
  writeFileSync(world.config, '{"current": secret');
  const { code, notes } = await world.runWith({}, "get", "hosts");
  expect({ code, notes }).toEqual({ code: 1, notes: `holdfast get: ${world.config}: is not JSON\n` });
});
