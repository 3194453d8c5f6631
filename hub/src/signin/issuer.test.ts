import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@holdfast/runtime";
import {
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  SignJWT,
  UnsecuredJWT,
} from "jose";
import { describe, expect, test } from "vitest";
import { PASSWORD, startSigninHub } from "./under-test.ts";

const HOSTS = "/v1/projects/default/compute/hosts";

describe("what EIM's command line does to sign in", () => {
  test("discovers the token endpoint below the address that it was given", async () => {
    await using hub = await startSigninHub();
    for (const host of ["127.0.0.1", "localhost"]) {
      const realm = `${hub.url.replace("127.0.0.1", host)}/realms/master`;
      const answer = await fetch(`${realm}/.well-known/openid-configuration`);
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, expect.stringContaining("json")]);
      const found = (await answer.json()) as Record<string, string>;
      expect(found).toMatchObject({ issuer: realm, token_endpoint: `${realm}/protocol/openid-connect/token` });
      const certs = await keysAt(found.jwks_uri ?? "");
      expect(certs.keys).toEqual([
        expect.objectContaining({ kty: "EC", alg: "ES256", use: "sig", kid: expect.any(String) }),
      ]);
      expect(JSON.stringify(certs)).not.toContain('"d"');
    }
  });

  test("gets tokens for a name and a password, and what it looks for is in them", async () => {
    await using hub = await startSigninHub();
    await hub.user("Alice", "im-rw,auditor", "--projects", "default");
    const form = { client_id: "system-client", grant_type: "password", username: "alice", password: PASSWORD };
    const { status, headers, body } = await hub.token({ ...form, claims: '{"a":1}', scope: "openid" });
    expect([status, headers.get("content-type")]).toEqual([200, expect.stringContaining("json")]);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toMatchObject({ token_type: "Bearer", expires_in: 300, refresh_expires_in: 36_000 });
    const iss = `${hub.url}/realms/master`;
    const refresh = decodeJwt(body.refresh_token);
    expect(refresh).toMatchObject({ typ: "Refresh", azp: "system-client", iss });
    const { realm_access, ...access } = decodeJwt(body.access_token);
    expect(access).toMatchObject({ iss, azp: "system-client", preferred_username: "alice", sub: expect.any(String) });
    expect(access.aud).toContain("holdfast");
    expect((access.exp ?? 0) - (access.iat ?? 0)).toBe(300);
    const tenant = await hub.hub.store.read((view) => view.tenant("default"));
    expect(realm_access).toEqual({ roles: [`${tenant?.id}_auditor`, `${tenant?.id}_im-rw`] });
    expect(decodeProtectedHeader(body.access_token)).toMatchObject({ alg: "ES256", kid: expect.any(String) });
  });

  test("refreshes before each request with the token that it has stored, as often and as many at once as it likes", async () => {
    await using hub = await startSigninHub();
    await hub.user("alice", "im-rw");
    const { refresh_token } = (await hub.signIn("alice")).body;
    const refresh = () => hub.token({ client_id: "system-client", grant_type: "refresh_token", refresh_token });
    const answers = await Promise.all([refresh(), refresh(), refresh()]);
    answers.push(await refresh());
    for (const { status, body } of answers) {
      expect([status, body.refresh_token]).toEqual([200, refresh_token]);
      expect(await hub.ask("GET", HOSTS, undefined, body.access_token)).toMatchObject({ status: 200 });
    }
  });
});

describe("an access token", () => {
  test("opens what its user's roles open, as they are at that moment", async () => {
    await using hub = await startSigninHub();
    await hub.user("alice", "im-r", "--projects", "default");
    const { access_token: token } = (await hub.signIn("alice")).body;
    const write = async () => (await hub.ask("POST", "/v1/projects/default/regions", { name: "north" }, token)).status;
    expect((await hub.ask("GET", HOSTS, undefined, token)).status).toBe(200);
    expect(await write()).toBe(403);
    await hub.run("user grant", "alice", "--roles", "im-rw", "--projects", "default");
    expect(await write()).toBe(200);
    const [change] = (
      await hub.hub.store.read((view) =>
        view.changes("", 0, 1).then(async () => {
          const tenant = await view.tenant("default");
          return view.changes(tenant?.id ?? "", 0, 100);
        }),
      )
    ).filter(({ kind }) => kind === "region");
    expect(change?.actor).toBe("user:alice");
    await hub.run("user revoke", "alice", "--roles", "im-rw,im-r", "--projects", "default");
    expect((await hub.ask("GET", HOSTS, undefined, token)).body).toMatchObject({ message: "project not found" });
  });

  test.each(["removed", "locked", "given another password", "signed out"])(
    "opens nothing any more once its user is %s, nor is it refreshed",
    async (what) => {
      await using hub = await startSigninHub();
      await hub.user("alice", "im-rw");
      const { access_token, refresh_token } = (await hub.signIn("alice")).body;
      expect((await hub.ask("GET", HOSTS, undefined, access_token)).status).toBe(200);
      const file = join(hub.home, "other");
      writeFileSync(file, "another good one");
      if (what === "removed") await hub.run("user remove", "alice");
      else if (what === "locked") await hub.run("user lock", "alice");
      else if (what === "signed out") await hub.token({ client_id: "c", refresh_token }, "logout");
      else await hub.run("user set-password", "alice", "--password-file", file);
      expect(await hub.ask("GET", HOSTS, undefined, access_token)).toMatchObject({
        status: 401,
        body: { code: "Unauthenticated" },
      });
      const form = { client_id: "system-client", grant_type: "refresh_token", refresh_token };
      expect(await hub.token(form)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
      const again = what === "given another password" ? "another good one" : PASSWORD;
      const expected = what === "removed" || what === "locked" ? 401 : 200;
      expect((await hub.signIn("alice", again)).status).toBe(expected);
    },
  );

  test("expires, and so does the session that it came from", async () => {
    let ahead = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + ahead };
    await using hub = await startSigninHub({ clock, accessTokenSeconds: 60, refreshTokenHours: 1 });
    await hub.user("alice", "im-rw");
    const { access_token, refresh_token } = (await hub.signIn("alice")).body;
    const refresh = () => hub.token({ client_id: "system-client", grant_type: "refresh_token", refresh_token });
    expect((await hub.ask("GET", HOSTS, undefined, access_token)).status).toBe(200);
    ahead = 61_000;
    expect((await hub.ask("GET", HOSTS, undefined, access_token)).status).toBe(401);
    const fresh = (await refresh()).body.access_token;
    expect((await hub.ask("GET", HOSTS, undefined, fresh)).status).toBe(200);
    ahead = 3_590_000;
    expect((await refresh()).body.expires_in).toBeLessThanOrEqual(10);
    ahead = 3_601_000;
    expect(await refresh()).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  });

  test("opens nothing again once its user has signed out, though sessions are made shorter meanwhile", async () => {
    let ahead = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + ahead };
    await using hub = await startSigninHub({ clock, refreshTokenHours: 720 });
    await hub.user("alice", "im-rw");
    const client_id = "system-client";
    for (const by of ["refresh_token", "access_token"]) {
      const { [by]: token, refresh_token } = (await hub.signIn("alice")).body;
      await hub.restart({ settings: { refreshTokenHours: 1 } });
      await hub.token({ client_id, refresh_token: token }, "logout");
      ahead += 2 * 3_600_000;
      // What has run out is tidied away whenever somebody signs out.
      await hub.token({ client_id, refresh_token: (await hub.signIn("alice")).body.refresh_token }, "logout");
      const refreshed = await hub.token({ client_id, grant_type: "refresh_token", refresh_token });
      expect([by, refreshed.body.error]).toEqual([by, "invalid_grant"]);
      await hub.restart({ settings: { refreshTokenHours: 720 } });
    }
  });

  test("goes on being good when the key is changed, and after a restart", async () => {
    await using hub = await startSigninHub();
    await hub.user("alice", "im-rw");
    const before = (await hub.signIn("alice")).body;
    expect(await hub.run("signin rotate-key")).toContain("signs from now on");
    const after = (await hub.signIn("alice")).body;
    const [old, fresh] = [before, after].map(({ access_token }) => decodeProtectedHeader(access_token).kid);
    expect(fresh).not.toBe(old);
    await hub.restart();
    for (const { access_token } of [before, after]) {
      expect((await hub.ask("GET", HOSTS, undefined, access_token)).status).toBe(200);
    }
    const certs = await keysAt(`${hub.url}/realms/master/protocol/openid-connect/certs`);
    expect(certs.keys.map(({ kid }) => kid)).toEqual([fresh, old]);
  });
});

test("a token that this hub did not give out, or not as that, opens nothing", async () => {
  await using hub = await startSigninHub({ publicUrl: "https://hub.example" });
  await hub.user("alice", "im-rw");
  const { access_token, refresh_token } = (await hub.signIn("alice")).body;
  const { payload, kid } = { payload: decodeJwt(access_token), kid: decodeProtectedHeader(access_token).kid ?? "" };
  expect(payload.iss).toBe("https://hub.example/realms/master");
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(publicKey);
  const foreign = (header: object, claims: object = {}) =>
    new SignJWT({ ...payload, ...claims }).setProtectedHeader({ alg: "ES256", kid, ...header }).sign(privateKey);
  const certs = await (await fetch(`${hub.url}/realms/master/protocol/openid-connect/certs`)).text();
  const hmac = new SignJWT(payload)
    .setProtectedHeader({ alg: "HS256", kid })
    .sign(new TextEncoder().encode(certs.padEnd(64)));
  const [head, body, signature = ""] = access_token.split(".");
  const richer = Buffer.from(JSON.stringify({ ...payload, sub: "somebody-else" })).toString("base64url");
  const bad: Record<string, string> = {
    "with alg none": new UnsecuredJWT(payload).encode(),
    "with alg none and the signature of another": `${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.${signature}`,
    "signed by another's key under our key's id": await foreign({}),
    "with its own key along": await foreign({ jwk }),
    "of an unknown key": await foreign({ kid: "unknown" }),
    "signed by what everybody may read": await hmac,
    "with another body": `${head}.${richer}.${signature}`,
    "that is a refresh token": refresh_token,
    "that is no token": "eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
    "that is too large": `${head}.${"A".repeat(12_000)}.${signature}`,
  };
  for (const [what, token] of Object.entries(bad)) {
    const answer = await hub.ask("GET", HOSTS, undefined, token);
    expect([what, answer.status, answer.body.code]).toEqual([what, 401, "Unauthenticated"]);
  }
  expect((await hub.ask("GET", HOSTS, undefined, access_token)).status).toBe(200);
});

test("a token that says anything else than what this hub says opens nothing, though it is signed by its key", async () => {
  await using hub = await startSigninHub({ publicUrl: "https://hub.example/" });
  await hub.user("alice", "im-rw");
  const payload = decodeJwt((await hub.signIn("alice")).body.access_token);
  const [{ jwk }] = JSON.parse(readFileSync(join(hub.home, "signin-keys.json"), "utf8")).keys;
  const signed = async (claims: object) => {
    const token = new SignJWT({ ...payload, ...claims }).setProtectedHeader({ alg: "ES256", kid: jwk.kid });
    return (await hub.ask("GET", HOSTS, undefined, await token.sign(await importJWK(jwk, "ES256")))).status;
  };
  expect(await signed({})).toBe(200);
  const now = Math.floor(systemClock.now() / 1_000);
  for (const wrong of [
    { iss: "https://hub.example/realms/other" },
    { iss: "http://hub.example/realms/master" },
    { aud: "somebody-else" },
    { aud: undefined },
    { exp: now - 1 },
    { exp: undefined },
    { nbf: now + 600 },
    { typ: "Refresh" },
    { typ: undefined },
    { sid: undefined },
    { count: 0 },
    { sub: "somebody-else" },
    { sub: undefined },
  ]) {
    expect([wrong, await signed(wrong)]).toEqual([wrong, 401]);
  }
});

describe("what the token endpoint refuses, as OAuth 2.0 says it", () => {
  test("what is missing, too long or unknown, naming it", async () => {
    await using hub = await startSigninHub();
    const cases: [form: Record<string, string>, error: string, named: string][] = [
      [{}, "invalid_request", "client_id"],
      [{ client_id: "c" }, "invalid_request", "grant_type"],
      [{ client_id: "c c", grant_type: "password" }, "invalid_request", "client_id"],
      [{ client_id: "c", grant_type: "client_credentials" }, "unsupported_grant_type", "grant_type"],
      [{ client_id: "c", grant_type: "password", username: "alice" }, "invalid_request", "password"],
      [{ client_id: "c", grant_type: "refresh_token" }, "invalid_request", "refresh_token"],
      [{ client_id: "c", grant_type: "refresh_token", refresh_token: "x" }, "invalid_grant", "sign in"],
      [
        { client_id: "c", grant_type: "password", username: "a".repeat(9_000), password: "x" },

        "invalid_request",
        "username",
      ],
    ];
    for (const [form, error, named] of cases) {
      const answer = await hub.token(form);
      expect([form, answer]).toEqual([form, expect.objectContaining({ status: 400 })]);
      expect(answer.body).toEqual({ error, error_description: expect.stringContaining(named) });
      expect(answer.headers.get("cache-control")).toBe("no-store");
    }
  });

  test("a refresh token by another client than it was given to, an access token, and what is no form", async () => {
    await using hub = await startSigninHub();
    await hub.user("alice", "im-rw");
    const { access_token, refresh_token } = (await hub.signIn("alice")).body;
    const refresh = (client_id: string, token: string) =>
      hub.token({ client_id, grant_type: "refresh_token", refresh_token: token });
    for (const answer of [await refresh("other", refresh_token), await refresh("system-client", access_token)]) {
      expect(answer).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    }
    const url = `${hub.url}/realms/master/protocol/openid-connect/token`;
    const post = async (body: string, type: string) => {
      const answer = await fetch(url, { method: "POST", body, headers: { "content-type": type } });
      return [answer.status, ((await answer.json()) as { readonly error: string }).error];
    };
    const form = "application/x-www-form-urlencoded";
    expect(await post('{"grant_type":"password"}', "application/json")).toEqual([400, "invalid_request"]);
    expect(await post("{", "application/json")).toEqual([400, "invalid_request"]);
    expect(await post("<a/>", "text/xml")).toEqual([415, "invalid_request"]);
    expect(await post("client_id=a&client_id=b", form)).toEqual([400, "invalid_request"]);
    expect(await post(`client_id=${"a".repeat(40_000)}`, form)).toEqual([413, "invalid_request"]);
  });
});

async function keysAt(url: string): Promise<{ readonly keys: readonly JWK[] }> {
  return (await (await fetch(url)).json()) as { readonly keys: readonly JWK[] };
}
