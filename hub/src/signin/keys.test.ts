import { systemClock } from "@holdfast/runtime";
import { decodeProtectedHeader, type JWK } from "jose";
import { expect, test } from "vitest";
import { startSigninHub } from "./under-test.ts";

const HOSTS = "/v1/projects/default/compute/hosts";

test("a key that was replaced is good for as long as anything that it signed can be, and no longer, without a restart", async () => {
  let ahead = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + ahead };
  await using hub = await startSigninHub({ clock, refreshTokenHours: 720 });
  await hub.user("alice", "im-rw");
  await hub.run("signin rotate-key");
  const certs = async () => (await keysAt(`${hub.url}/realms/master/protocol/openid-connect/certs`)).keys.length;
  ahead = 719 * 3_600_000;
  expect(await certs()).toBe(2);
  ahead = 721 * 3_600_000;
  expect(await certs()).toBe(1);
  expect((await hub.signIn("alice")).status).toBe(200);
});

test("a key that was stolen is forgotten at once: nothing that it signed opens anything, and all sign in again", async () => {
  await using hub = await startSigninHub();
  await hub.user("alice", "im-rw");
  const { access_token, refresh_token } = (await hub.signIn("alice")).body;
  const status = async (token: string) => (await hub.ask("GET", HOSTS, undefined, token)).status;
  expect(await status(access_token)).toBe(200);
  expect(await hub.run("signin rotate-key", "--forget")).toMatch(/all have to sign in again/);
  expect(await status(access_token)).toBe(401);
  const refreshed = await hub.token({ client_id: "system-client", grant_type: "refresh_token", refresh_token });
  expect(refreshed).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  expect((await keysAt(`${hub.url}/realms/master/protocol/openid-connect/certs`)).keys).toHaveLength(1);
  expect(await status((await hub.signIn("alice")).body.access_token)).toBe(200);
  const { entries } = (await hub.ask("GET", "/v1/audit?kind=signing-key")).body;
  const [{ actor, resourceId, after }] = entries;
  expect({ actor, resourceId, after }).toEqual({
    ...{ actor: "operator:local", resourceId: expect.stringMatching(/^[\w-]{16}$/) },
    after: { forgotten: [decodeProtectedHeader(access_token).kid] },
  });
});

async function keysAt(url: string): Promise<{ readonly keys: readonly JWK[] }> {
  return (await (await fetch(url)).json()) as { readonly keys: readonly JWK[] };
}
