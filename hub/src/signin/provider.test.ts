import { randomUUID } from "node:crypto";
import type { View } from "@holdfast/inventory";
import { silentLog, systemClock } from "@holdfast/runtime";
import { type CryptoKey, decodeJwt, generateKeyPair, importJWK, type JWK, SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, test } from "vitest";
import type { TestHub } from "../hub-harness.ts";
import type { HubTables } from "../tables.ts";
import { createKeySet } from "./key-set.ts";
import { createProvider } from "./provider.ts";
import { type ProviderUnderTest, startProvider } from "./provider-under-test.ts";
import { startSigninHub } from "./under-test.ts";

const HOSTS = "/v1/projects/default/compute/hosts";

const trusting = ({ issuer }: ProviderUnderTest) => ({ oidcIssuer: issuer, oidcAudience: "holdfast" });

async function projectId(hub: TestHub): Promise<string> {
  return (await hub.hub.store.read((view) => view.tenant("default")))?.id ?? "";
}

function roles(...names: string[]) {
  return { realm_access: { roles: names } };
}

describe("an access token of the provider that the hub was told of", () => {
  test.each(["ES256", "RS256"] as const)("opens what its roles open, by a project's UUID (%s)", async (algorithm) => {
    await using provider = await startProvider(algorithm);
    await using hub = await startSigninHub(trusting(provider));
    await hub.run("project create", "--name", "south");
    const ask = async (method: "GET" | "POST", path: string, claims: object) => {
      const body = method === "POST" ? { name: "north" } : undefined;
      return (await hub.ask(method, path, body, await provider.token(claims))).status;
    };
    const regions = "/v1/projects/default/regions";
    const of = await projectId(hub);
    expect(await ask("GET", regions, roles(`${of}_im-r`))).toBe(200);
    expect(await ask("POST", regions, roles(`${of}_im-r`))).toBe(403);
    expect(await ask("POST", regions, roles("offline_access", `${of}_im-rw`, `${of}_unknown`))).toBe(200);
    expect(await ask("GET", "/v1/projects/south/regions", roles(`${of}_im-rw`))).toBe(404);
    const none = [
      roles(),
      roles("im-rw"),
      roles("_im-rw"),
      roles("*_im-rw"),
      roles("nobodys_im-rw"),
      { realm_access: "x" },
    ];
    for (const nothing of [{}, ...none]) {
      expect([nothing, await ask("GET", regions, nothing)]).toEqual([nothing, 404]);
    }
    const changes = await hub.hub.store.read((view) => view.changes(of, 0, 100));
    expect(changes.find(({ kind }) => kind === "region")?.actor).toBe("oidc:app");
  });

  test("has no role by a name: that is the next project's, or organisation's, once this one is gone", async () => {
    await using provider = await startProvider();
    await using hub = await startSigninHub(trusting(provider));
    const token = await provider.token(roles("default_im-rw", "default_project-read-role"));
    expect((await hub.ask("GET", HOSTS, undefined, token)).status).toBe(404);
    expect((await hub.ask("GET", "/v1/projects", undefined, token)).body).toEqual([]);
  });

  test("has roles in organisations by their UUID, and in none that there is not", async () => {
    await using provider = await startProvider();
    await using hub = await startSigninHub(trusting(provider));
    const { id } = await hub.hub.store.read((view) =>
      view.tables<HubTables>().selectFrom("organisation").select("id").executeTakeFirstOrThrow(),
    );
    const projects = async (...names: string[]) => {
      const { status, body } = await hub.ask("GET", "/v1/projects", undefined, await provider.token(roles(...names)));
      return [status, JSON.stringify(body).includes('"default"')];
    };
    expect(await projects(`${id}_project-read-role`)).toEqual([200, true]);
    for (const none of ["nobodys_project-read-role", "project-read-role"])
      expect(await projects(none)).toEqual([200, false]);
  });

  test("costs one question to the database, however many roles it names", async () => {
    await using provider = await startProvider();
    await using hub = await startSigninHub();
    let asked = 0;
    const counting = (view: View): View =>
      new Proxy(view, {
        get(of, name) {
          const member = Reflect.get(of, name);
          if (typeof member !== "function") return member;
          return (...given: unknown[]) => {
            asked += 1;
            return member.apply(of, given);
          };
        },
      });
    const { bearer } = createProvider({
      ...{ issuer: provider.issuer, audience: "holdfast", rolesClaim: "realm_access.roles" },
      store: { read: (work) => hub.hub.store.read((view) => work(counting(view))) },
      ...{ clock: systemClock, log: silentLog },
    });
    const ids = Array.from({ length: 150 }, () => randomUUID());
    const named = ids.flatMap((id) => [`${id}_im-r`, `${id}_project-read-role`]);
    const project = await projectId(hub);
    const { grants } = await bearer(await provider.token(roles(...named, `${project}_im-r`)));
    expect(grants).toEqual([{ role: "im-r", projects: [project] }]);
    expect(asked).toBe(1);
  });

  test("names its roles wherever the operator says", async () => {
    await using provider = await startProvider("RS256");
    await using hub = await startSigninHub({ ...trusting(provider), oidcRolesClaim: "roles" });
    const of = await projectId(hub);
    const status = async (claims: object) =>
      (await hub.ask("GET", HOSTS, undefined, await provider.token(claims))).status;
    expect(await status({ roles: [`${of}_im-r`] })).toBe(200);
    expect(await status({ roles: `openid ${of}_im-r` })).toBe(200);
    expect(await status(roles(`${of}_im-r`))).toBe(404);
  });

  test("is refused when it is not the provider's, not for this hub, not in its time, or not signed as it should be", async () => {
    await using provider = await startProvider();
    await using hub = await startSigninHub(trusting(provider));
    const of = await projectId(hub);
    const key = await provider.changeKey();
    const good = await provider.token(roles(`${of}_im-rw`));
    const [payload, kid] = [decodeJwt(good), String(key.kid)];
    const { privateKey: another } = await generateKeyPair("ES256");
    const sign = (claims: object, by: CryptoKey | Uint8Array, header: object = {}) =>
      new SignJWT({ ...payload, ...claims }).setProtectedHeader({ alg: "ES256", kid, ...header }).sign(by);
    const own = (await importJWK(key, "ES256")) as CryptoKey;
    const published = new TextEncoder().encode(JSON.stringify(withoutPrivate(key)));
    const now = Math.floor(systemClock.now() / 1_000);
    const status = async (token: string) => (await hub.ask("GET", HOSTS, undefined, token)).status;
    expect(await status(await sign({}, own))).toBe(200);
    // Clocks may be apart a little.
    expect(await status(await sign({ exp: now - 20, nbf: now + 20 }, own))).toBe(200);
    const bad: Record<string, string> = {
      "for another audience": await provider.token(roles(`${of}_im-rw`), { audience: "somebody-else" }),
      "of another issuer": await sign({ iss: `${provider.issuer}/other` }, own),
      expired: await sign({ exp: now - 60 }, own),
      "without end": await sign({ exp: undefined }, own),
      "not yet good": await sign({ nbf: now + 600 }, own),
      "without a subject": await sign({ sub: undefined }, own),
      "without an audience": await sign({ aud: undefined }, own),
      "signed by another key": await sign({}, another),
      "of alg none": new UnsecuredJWT(payload).encode(),
      "signed by the published key as a secret": await sign({}, published, { alg: "HS256" }),
      "of the hub's own issuer, for it": (await signInAs(hub)).replace(/\.[^.]+\./, `.${good.split(".")[1]}.`),
    };
    for (const [what, token] of Object.entries(bad)) expect([what, await status(token)]).toEqual([what, 401]);
  });

  test("is good while the provider is away, once its keys are known; a new key is found when it is back", async () => {
    let ahead = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead };
    await using provider = await startProvider();
    await using hub = await startSigninHub({ ...trusting(provider), clock });
    const of = await projectId(hub);
    const status = async (token: string) => (await hub.ask("GET", HOSTS, undefined, token)).status;
    const token = await provider.token(roles(`${of}_im-r`));
    provider.isAway = true;
    expect(await status(token)).toBe(503);
    provider.isAway = false;
    ahead += 31_000;
    expect(await status(token)).toBe(200);
    provider.isAway = true;
    ahead += 86_400_000;
    expect(await status(token)).toBe(200);
    provider.isAway = false;
    await provider.changeKey();
    ahead += 31_000;
    expect(await status(await provider.token(roles(`${of}_im-r`)))).toBe(200);
    expect(await status(token)).toBe(401);
  });
});

test("half of a provider is none: the setting that is missing is named", async () => {
  await expect(startSigninHub({ oidcIssuer: "http://127.0.0.1:1" })).rejects.toThrow(/--oidc-audience is needed/);
  await expect(startSigninHub({ oidcAudience: "holdfast" })).rejects.toThrow(/--oidc-issuer is needed/);
});

describe("the keys of a provider", () => {
  const issuer = "https://id.example";

  async function keysOf() {
    let now = 0;
    let away = false;
    const published: JWK[] = [];
    const asked: string[] = [];
    const get = async (url: string) => {
      asked.push(url);
      if (away) throw new TypeError("away");
      return url.endsWith("/certs") ? { keys: published } : { issuer, jwks_uri: `${issuer}/certs` };
    };
    const keyOf = createKeySet({ issuer, get, clock: { monotonic: () => now }, log: silentLog });
    const publish = async (kid: string) => {
      const { publicKey } = await generateKeyPair("ES256", { extractable: true });
      published.splice(0, published.length, {
        ...(await crypto.subtle.exportKey("jwk", publicKey)),
        kid,
        alg: "ES256",
      } as JWK);
    };
    const known = (kid: string) =>
      keyOf({ alg: "ES256", kid }, { payload: "", signature: "" }).then(
        () => true,
        (error: Error) => error.name,
      );
    return { asked, publish, known, after: (ms: number) => (now += ms), away: (is: boolean) => (away = is) };
  }

  test("are asked for once, and again when one is named that is not known, at most every half minute", async () => {
    const it = await keysOf();
    await it.publish("first");
    expect(await Promise.all([it.known("first"), it.known("first")])).toEqual([true, true]);
    expect(it.asked).toEqual([`${issuer}/.well-known/openid-configuration`, `${issuer}/certs`]);
    await it.publish("second");
    expect(await it.known("second")).toBe("JWKSNoMatchingKey");
    it.after(30_000);
    expect(await Promise.all([it.known("second"), it.known("made-up")])).toEqual([true, "JWKSNoMatchingKey"]);
    for (const kid of ["a", "b", "c"]) expect(await it.known(kid)).toBe("JWKSNoMatchingKey");
    expect(it.asked).toHaveLength(4);
    expect(await it.known("first")).toBe("JWKSNoMatchingKey");
  });

  test("go on while it is away, however long, and are asked for again beside that", async () => {
    const it = await keysOf();
    await it.publish("first");
    expect(await it.known("first")).toBe(true);
    it.away(true);
    for (let days = 0; days < 3; days += 1) {
      it.after(86_400_000);
      expect(await it.known("first")).toBe(true);
    }
    expect(it.asked.length).toBeGreaterThan(2);
  });

  test.each([
    [{ issuer: "https://id.example.org", jwks_uri: `${issuer}/certs` }],
    [{ issuer, jwks_uri: "http://id.example/certs" }],
    [{ issuer, jwks_uri: "file:///etc/passwd" }],
    [{ issuer }],
    [null],
  ])("are not taken from %j", async (found) => {
    const asked: string[] = [];
    const get = async (url: string) => {
      asked.push(url);
      return found;
    };
    const keyOf = createKeySet({ issuer, get, clock: systemClock, log: silentLog });
    const header = { alg: "ES256", kid: "k" };
    await expect(keyOf(header, { payload: "", signature: "" })).rejects.toThrow(/cannot be reached/);
    expect(asked).toHaveLength(1);
  });
});

function withoutPrivate({ d: _, ...published }: JWK): JWK {
  return published;
}

async function signInAs(hub: Awaited<ReturnType<typeof startSigninHub>>): Promise<string> {
  await hub.user("alice", "im-rw");
  return (await hub.signIn("alice")).body.access_token;
}
