import { createServer } from "@holdfast/inventory/api/server";
import { offerHeaders, PROTOCOL_VERSION, type RecoveryClaim, Site, siteFingerprint } from "@holdfast/protocol";
import { type Clock, Fault, newSecret, silentLog, systemClock } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import { expect, onTestFinished, test } from "vitest";
import { accept } from "./accept.ts";
import { claimRoutes } from "./claim-routes.ts";
import { CLAIMS_KEPT, claimsIn, keepClaim, recoveringSince, STALE_AFTER, setRecovering } from "./claims.ts";
import { scratch, TestHome } from "./harness.ts";
import { recoverFromSites } from "./recover.ts";
import { createRecovering, type Recovering } from "./recovering.ts";
import { recoveryProgress } from "./recovery-status.ts";
import { claimsText, progressText } from "./recovery-text.ts";

const SITE = "site-0000000a";
const TENANT = { id: "11111111-1111-4111-8111-111111111111", name: "default" };

const claimOf = (token: string, more: Partial<RecoveryClaim> = {}): RecoveryClaim => {
  return {
    ...{ siteId: SITE, siteName: "Oslo", tenant: TENANT, lineage: ["lost-1", "lost-2"] },
    ...{ fingerprint: siteFingerprint(token), ...more },
  };
};

interface RecoveringHub {
  readonly home: TestHome;
  readonly recovering: Recovering;
  readonly app: FastifyInstance;
  claim(
    token: string | undefined,
    claim: unknown,
  ): Promise<{ status: number; body: { message: string; state: string } }>;
}

async function recoveringHub(clock: Clock = systemClock): Promise<RecoveringHub> {
  const folder = scratch();
  await recoverFromSites({ home: folder, clock: systemClock });
  const home = await TestHome.open(folder);
  const { store, authority } = home;
  const recovering = await createRecovering({ store, authority, clock, log: silentLog });
  const app = createServer(silentLog);
  claimRoutes(app, recovering);
  onTestFinished(async () => {
    await app.close();
    await store.close();
  });
  return {
    ...{ home, recovering, app },
    async claim(token, claim) {
      const offer = offerHeaders({ version: PROTOCOL_VERSION, capabilities: [] });
      const headers = { ...offer, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
      const payload = claim as object;
      const answer = await app.inject({ method: "POST", url: "/v1/recovery/claims", headers, payload });
      return { status: answer.statusCode, body: answer.json() };
    },
  };
}

test("recovering begins in an empty home, as a life after one, without a project of its own", async () => {
  const { home } = await recoveringHub();
  expect(await home.store.read(recoveringSince)).toBeTypeOf("number");
  expect(home.authority.lineage()).toHaveLength(2);
  expect(await home.store.read((view) => view.tenants())).toEqual([]);
  await expect(recoverFromSites({ home: home.home, clock: systemClock })).rejects.toThrow(/hub.db is there/);
});

test("a claim gives no rights until an operator has accepted its fingerprint; then the site's token is good", async () => {
  const { home, claim } = await recoveringHub();
  const token = newSecret("hfs");
  expect(await claim(token, claimOf(token))).toMatchObject({ status: 200, body: { state: "waiting" } });
  expect(await home.tokens.bearer(token)).toBeUndefined();
  expect(JSON.stringify(await home.store.read((view) => claimsIn(view)))).not.toContain(token);

  const other = siteFingerprint(newSecret("hfs"));
  await expect(accept(home, { site: SITE, fingerprint: other }, systemClock)).rejects.toThrow(
    new RegExp(`the hub has ${siteFingerprint(token)} for ${SITE}, you gave ${other}`),
  );
  await expect(accept(home, { site: "site-0000000b", fingerprint: other }, systemClock)).rejects.toThrow(
    /no claim yet/,
  );
  expect(await home.tokens.bearer(token)).toBeUndefined();

  // Written as people write.
  const written = siteFingerprint(token).toUpperCase().replaceAll("-", " ");
  await accept(home, { site: SITE, fingerprint: written }, systemClock);
  expect(await home.tokens.bearer(token)).toMatchObject({ holder: "site", site: SITE, tenant: TENANT.id });
  expect(await home.store.read((view) => view.tenants())).toEqual([TENANT]);
  expect(await home.held()).toEqual(["hub-recovered"]);
  expect(await claim(token, claimOf(token))).toMatchObject({ status: 200, body: { state: "accepted" } });
  await accept(home, { site: SITE, fingerprint: siteFingerprint(token) }, systemClock);
});

test("a site whose token is not known learns that the hub wants its claim, whatever it asks", async () => {
  const { app, home } = await recoveringHub();
  app.get("/of-a-site", { config: { auth: "own" } }, () => {
    throw new Fault("Unauthenticated", "the token is unknown");
  });
  app.get("/of-an-operator", () => {
    throw new Fault("Unauthenticated", "the token is unknown");
  });
  const ask = async (url: string) => (await app.inject({ url })).json();
  expect(await ask("/of-a-site")).toMatchObject({ code: "Unauthenticated", recovering: true });
  expect(await ask("/of-an-operator")).not.toHaveProperty("recovering");
  await home.store.write((tx) => setRecovering(tx, undefined));
  expect(await ask("/of-a-site")).not.toHaveProperty("recovering");
});

test("two claims for one site are both listed, and the operator's choice shuts the other out", async () => {
  const { home, claim } = await recoveringHub();
  const [right, wrong] = [newSecret("hfs"), newSecret("hfs")];
  for (const token of [wrong, right]) expect((await claim(token, claimOf(token))).status).toBe(200);
  const shown = claimsText(await home.store.read((view) => claimsIn(view)));
  for (const token of [wrong, right]) expect(shown).toContain(siteFingerprint(token));
  await accept(home, { site: SITE, fingerprint: siteFingerprint(right) }, systemClock);
  expect(await home.tokens.bearer(wrong)).toBeUndefined();
  await expect(accept(home, { site: SITE, fingerprint: siteFingerprint(wrong) }, systemClock)).rejects.toThrow(
    /has a standing token already \(token-/,
  );
});

test("what was let in does not change under the operator's hands", async () => {
  const { home, claim } = await recoveringHub();
  const token = newSecret("hfs");
  await claim(token, claimOf(token));
  await accept(home, { site: SITE, fingerprint: siteFingerprint(token) }, systemClock);
  await claim(token, claimOf(token, { siteId: "site-0000000b" }));
  expect(await home.tokens.bearer(token)).toMatchObject({ site: SITE });
  expect(await home.store.read((view) => claimsIn(view, "site-0000000b"))).toEqual([]);
});

test("a claim is checked: its token, its fingerprint, its shape, its size, its version", async () => {
  const { claim, app } = await recoveringHub();
  const token = newSecret("hfs");
  const refused = async (sent: unknown, as: string | undefined = token) => {
    const { status, body } = await claim(as, sent);
    return `${status} ${body.message}`;
  };
  expect((await claim(undefined, claimOf(token))).status).toBe(401);
  expect(await refused(claimOf(token, { fingerprint: siteFingerprint("other") }))).toContain("400 fingerprint:");
  expect(await refused(claimOf(token, { siteId: "host-00000001" }))).toMatch(/^400 claim: \/siteId/);
  expect(await refused(claimOf(token, { lineage: [] }))).toMatch(/^400 claim: \/lineage/);
  expect(await refused(claimOf(token, { siteName: "\u001b[31mred" }))).toContain("cannot be printed");
  expect(await refused({ ...claimOf(token), more: 1 })).toMatch(/^400 claim:/);
  expect(await refused(claimOf(token, { lineage: ["x".repeat(20_000)] }))).toMatch(/^413|^400/);
  const old = await app.inject({ method: "POST", url: "/v1/recovery/claims", payload: claimOf(token) });
  expect(old.statusCode).toBe(426);
});

test("a hub that is not recovering takes no claims, nor one that has finished", async () => {
  const { home, claim, recovering } = await recoveringHub();
  const token = newSecret("hfs");
  await claim(token, claimOf(token));
  await home.store.write((tx) => setRecovering(tx, undefined));
  expect(await recovering.active()).toBe(false);
  expect(await claim(token, claimOf(token))).toMatchObject({ status: 400, body: { message: /not recovering/ } });
  expect(await home.store.read((view) => claimsIn(view))).toEqual([]);
  await expect(accept(home, { site: SITE, fingerprint: "x" }, systemClock)).rejects.toThrow(/not recovering/);
});

test("claims are bounded in number; one that is not repeated gives way, one that an operator accepted does not", async () => {
  const { home } = await recoveringHub();
  const keep = (token: string, now: number) =>
    home.store.write((tx) => keepClaim(tx, claimOf(token), { token, address: "10.0.0.1", now }));
  const [accepted, real] = [newSecret("hfs"), newSecret("hfs")];
  await keep(accepted, 0);
  await accept(home, { site: SITE, fingerprint: siteFingerprint(accepted) }, systemClock);
  await home.store.write(async (tx) => {
    for (let count = 1; count < CLAIMS_KEPT; count += 1) {
      const token = `stranger-${count}`;
      await keepClaim(tx, claimOf(token), { token, address: `10.1.${count >> 8}.${count & 255}`, now: 1_000 });
    }
  });
  await expect(keep(real, 2_000)).rejects.toThrow(/too many claims/);
  await keep("stranger-1", 1_000 + STALE_AFTER);
  expect(await keep(real, 1_001 + STALE_AFTER)).toBe("waiting");
  const left = await home.store.read((view) => claimsIn(view));
  expect(left.map(({ fingerprint }) => fingerprint).sort()).toEqual(
    [accepted, real, "stranger-1"].map(siteFingerprint).sort(),
  );
});

test("claims are bounded in rate", async () => {
  const { home } = await recoveringHub();
  const still: Clock = { ...systemClock, monotonic: () => 0 };
  const { store, authority } = home;
  const recovering = await createRecovering({ store, authority, clock: still, log: silentLog });
  const token = newSecret("hfs");
  const tries = await Promise.allSettled(
    Array.from({ length: 300 }, () => recovering.claim(claimOf(token), { token, address: "10.0.0.1" })),
  );
  expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(200);
  // Whoever asks without end is heard no more; the others are.
  expect(await recovering.claim(claimOf(token), { token, address: "10.0.0.2" })).toMatchObject({ state: "waiting" });
});

test("claims without end from one address do not shut a site out that comes from another", async () => {
  const { home } = await recoveringHub();
  const keep = (token: string, address: string) =>
    home.store.write((tx) => keepClaim(tx, claimOf(token), { token, address, now: 1_000 }));
  await home.store.write(async (tx) => {
    for (let count = 0; count < CLAIMS_KEPT; count += 1) {
      const token = `stranger-${count}`;
      await keepClaim(tx, claimOf(token), { token, address: "10.0.0.2", now: 1_000 });
    }
  });
  await expect(keep("stranger-and-one-more", "10.0.0.2")).rejects.toThrow(/too many claims/);
  const real = newSecret("hfs");
  expect(await keep(real, "10.0.0.1")).toBe("waiting");
  const left = await home.store.read((view) => claimsIn(view));
  expect(left).toHaveLength(CLAIMS_KEPT);
  expect(left.map(({ fingerprint }) => fingerprint)).toContain(siteFingerprint(real));
});

test("a site is let into no other project than the one that it is known to be of (rule 11)", async () => {
  const { home, claim } = await recoveringHub();
  const [first, liar] = [newSecret("hfs"), newSecret("hfs")];
  await claim(first, claimOf(first, { tenant: { ...TENANT, name: "bank" } }));
  await accept(home, { site: SITE, fingerprint: siteFingerprint(first) }, systemClock);
  // A site of another project, whose operator knows its fingerprint, names the bank's by its id.
  const site = "site-0000000b";
  await claim(liar, claimOf(liar, { siteId: site, tenant: { ...TENANT, name: "shop" } }));
  const wanted = { site, fingerprint: siteFingerprint(liar) };
  await expect(accept(home, wanted, systemClock)).rejects.toThrow(/calls it shop; here that is the project bank/);
  expect(await home.tokens.bearer(liar)).toBeUndefined();
  await expect(accept(home, { ...wanted, project: "shop" }, systemClock)).rejects.toThrow(/the project bank/);
  await accept(home, { ...wanted, project: "bank" }, systemClock);
  expect(await home.tokens.bearer(liar)).toMatchObject({ site, tenant: TENANT.id });
  const odd = newSecret("hfs");
  expect((await claim(odd, claimOf(odd, { tenant: { id: "bank", name: "x" } }))).status).toBe(400);
});

test("before a site is heard, the lives of the lost hub that it knows stand before this one's (rule 20)", async () => {
  const { home, claim, recovering } = await recoveringHub();
  const own = home.authority.lineage();
  const [one, two] = [newSecret("hfs"), newSecret("hfs")];
  await claim(one, claimOf(one, { lineage: ["lost-1"] }));
  await claim(two, claimOf(two, { siteId: "site-0000000b", lineage: ["lost-1", "lost-2"] }));
  await recovering.letIn({ site: SITE, tenant: TENANT.id });
  expect(home.authority.lineage()).toEqual(own);
  for (const [site, token] of [
    ["site-0000000b", two],
    [SITE, one],
  ] as const) {
    await accept(home, { site, fingerprint: siteFingerprint(token) }, systemClock);
    await (await createRecovering({ ...home, clock: systemClock, log: silentLog })).letIn({ site, tenant: TENANT.id });
  }
  expect(home.authority.lineage()).toEqual(["lost-1", "lost-2", ...own]);
});

test("a project whose name is taken here gets another when the operator says which", async () => {
  const { home, claim } = await recoveringHub();
  const token = newSecret("hfs");
  await home.authority.createTenant({ actor: "hub", name: "default" });
  await claim(token, claimOf(token));
  const wanted = { site: SITE, fingerprint: siteFingerprint(token) };
  await expect(accept(home, wanted, systemClock)).rejects.toThrow(/another project is called default.*--project/);
  await accept(home, { ...wanted, project: "oslo" }, systemClock);
  expect(await home.store.read((view) => view.tenant("oslo"))).toEqual({ id: TENANT.id, name: "oslo" });
});

test("the status tells sites that have told all from those that have not, wait, or are only known from others", async () => {
  const { home, claim } = await recoveringHub();
  const [one, two] = [newSecret("hfs"), newSecret("hfs")];
  await claim(one, claimOf(one));
  await accept(home, { site: SITE, fingerprint: siteFingerprint(one) }, systemClock);
  await claim(two, claimOf(two, { siteId: "site-0000000b", siteName: "Bergen" }));
  const request = { actor: "hub", tenant: TENANT.id, fields: { name: "Stavanger" } };
  const { resourceId } = await home.authority.create(Site, request);
  const progress = await home.store.read(recoveryProgress);
  expect(Object.fromEntries(progress.sites.map(({ site, state }) => [site, state]))).toEqual({
    [SITE]: "telling",
    "site-0000000b": "waiting",
    [resourceId]: "silent",
  });
  const text = progressText(progress);
  for (const part of ["Oslo", "Bergen", "Stavanger", "history of changes", "quarantine"]) expect(text).toContain(part);
});
