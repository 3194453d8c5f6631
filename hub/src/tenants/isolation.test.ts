import { HUB_ROLES, ORGANISATION_ROLES } from "@holdfast/inventory/api/roles";
import { Host, KINDS, siteScope, tenantScope } from "@holdfast/protocol";
import { beforeAll, expect, test } from "vitest";
import { OFFER, Sender } from "../hub-harness.ts";
import {
  LATER,
  NOBODYS,
  NONSENSE,
  nameOf,
  type Operation,
  OURS,
  ROLES,
  startTwoProjects,
  THEIRS,
  type TwoProjects,
} from "./isolation-under-test.ts";

/**
 * Every operation of the document of a running hub, by who asks and whose project it is about. An operation of a project is
 * in it by its path; any other must be said here to be of some sort, or the first test fails. Watches are at
 * `isolation-of-watches.test.ts`, a site's own API at `site-node/src/api/isolation.test.ts`, the topics of its broker at
 * `site-node/src/broker/broker-access.test.ts`.
 */
const OF_A_PROJECT = /^\/v1\/projects\/\{projectName\}\/|^\/edge-infra\.orchestrator\.apis\/v2\//;
const OF_NO_PROJECT: Readonly<Record<string, "tenancy" | "of a site" | "of the hub" | "of nobody">> = {
  "GET /v1/projects": "tenancy",
  "GET /v1/projects/{projectName}": "tenancy",
  "PUT /v1/projects/{projectName}": "tenancy",
  "DELETE /v1/projects/{projectName}": "tenancy",
  "GET /v1/orgs": "tenancy",
  "GET /v1/orgs/{orgName}": "tenancy",
  "PUT /v1/orgs/{orgName}": "tenancy",
  "DELETE /v1/orgs/{orgName}": "tenancy",
  // Of the projects that the caller may see.
  "GET /metrics": "tenancy",
  "GET /v1/shape": "of a site",
  "POST /v1/sites/{siteId}/uplink": "of a site",
  "POST /v1/sites/{siteId}/contact": "of a site",
  "GET /v1/sites/self": "of a site",
  // It tells of every project, to the hub's administrators alone.
  "GET /v1/audit": "of the hub",
  // What they answer does not depend on who asks, or holds nothing of any project.
  "GET /v1/health": "of nobody",
  "GET /v1/status": "of nobody",
  "GET /v1/orchestrator": "of nobody",
  "GET /v1/trust": "of nobody",
  "POST /v1/recovery/claims": "of nobody",
};

/** The roles by which an operation is open that needs something else than to read for GET and to write for others. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  IssueCommand: ["im-rw", "oob-power"],
  PatchHost: ["im-rw", "oob-power", "manager"],
  PatchInstance: ["im-rw", "manager"],
  // A manager does who was granted the kind, which none of these was.
  CreateOSUpdateRun: [],
  PatchOSUpdateRun: [],
  DeleteOSUpdateRun: ["im-rw"],
  ListAuditEntries: ["im-rw", "auditor"],
  ListServiceTokens: ["im-rw"],
};

const HIDDEN = '404 {"code":"NotFound","message":"project not found"}';

let two: TwoProjects;
beforeAll(async () => {
  two = await startTwoProjects();
  return () => two[Symbol.asyncDispose]();
});

const ofProjects = () => two.operations.filter(({ path }) => OF_A_PROJECT.test(path));
const ofSort = (sort: string) =>
  two.operations.filter(({ method, path }) => OF_NO_PROJECT[`${method} ${path}`] === sort);

/** One of a few for each place of a long list, in turn. */
function inTurn<T>(few: readonly T[], at: number): T[] {
  return few.slice(at % few.length, (at % few.length) + 1);
}

/** Without what counts on by itself. */
function withoutAges(text: string): string {
  return text.replaceAll(/"(ageSeconds|heardAt)":[^,}]*/g, "");
}

/** The same words for ids that were asked for, whosever they are, and however old observations are by now. */
function anonymous(text: string): string {
  return withoutAges(text).replaceAll(new RegExp(`-0+[${THEIRS}${NOBODYS}]\\b`, "g"), "-asked");
}

/** What tells of the other project, in an answer to somebody who did not speak of it. */
function tellsOfTheirs(text: string): boolean {
  return [`-0000000${THEIRS}`, `thing ${THEIRS}`, two.tenants.other].some((mark) => text.includes(mark));
}

const brief = (text: string) => text.slice(0, 200);

test("every operation is of some sort", () => {
  const unsorted = two.operations.filter(({ method, path }) => {
    return !OF_A_PROJECT.test(path) && !Object.hasOwn(OF_NO_PROJECT, `${method} ${path}`);
  });
  expect(unsorted, "say in OF_NO_PROJECT what they are").toEqual([]);
  expect(ofProjects().length).toBeGreaterThan(180);
});

test("in a project of others nobody finds anything, as in one that is not there", async () => {
  const strangers = ["nobody", "site", ...HUB_ROLES, ...ORGANISATION_ROLES];
  const expected = (as: string, { method }: Operation) => {
    if (as === "nobody" || as === "site") return as === "nobody" ? /^401 / : /^403 /;
    // Whoever administers the hub may see every project, and writes in none by that.
    return as === "hub-admin" ? (method === "GET" ? /./ : /^403 /) : undefined;
  };
  const wrong: string[] = [];
  for (const [at, operation] of ofProjects().entries()) {
    // Those who have no role in any project, in turn.
    for (const as of [...ROLES, ...inTurn(strangers, at)]) {
      const { whole } = await two.ask(operation, { as, project: "other", round: THEIRS, body: NONSENSE });
      const pattern = expected(as, operation);
      if (pattern ? pattern.test(whole) : whole === HIDDEN) continue;
      const none = await two.ask(operation, { as, project: "nobodys", round: THEIRS, body: NONSENSE });
      if (pattern || whole !== none.whole) wrong.push(`${as} ${operation.id}: ${brief(whole)}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("in their own project everybody may do what their role says, and no more", async () => {
  const others = ["nobody", "site", ...ROLES.filter((role) => role !== "im-r" && role !== "im-rw")];
  const wrong: string[] = [];
  for (const [at, operation] of ofProjects().entries()) {
    const special = NEEDS[nameOf(operation)];
    const allowed: readonly string[] = special ?? (operation.method === "GET" ? ROLES : ["im-rw"]);
    for (const as of ["im-r", "im-rw", ...(special ? others : inTurn(others, at))]) {
      const { status, whole } = await two.ask(operation, { as, project: "own", round: NOBODYS, body: NONSENSE });
      const refusal = as === "nobody" ? 401 : allowed.includes(as) ? undefined : 403;
      const isRight =
        refusal === undefined ? ![401, 403].includes(status) && whole !== HIDDEN && status < 500 : status === refusal;
      if (!isRight) wrong.push(`${as} ${operation.id}: ${brief(whole)}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("what another project has is in one's own as what nobody has, in body, count and words", async () => {
  const wrong: string[] = [];
  for (const operation of ofProjects()) {
    const asked = { as: "im-rw", project: "own", body: NONSENSE } as const;
    const theirs = await two.ask(operation, { ...asked, round: THEIRS });
    const nobodys = await two.ask(operation, { ...asked, round: NOBODYS });
    if (anonymous(theirs.whole) === anonymous(nobodys.whole) && !tellsOfTheirs(nobodys.text)) continue;
    wrong.push(`${operation.id}: ${brief(theirs.whole)} and ${brief(nobodys.whole)}`);
  }
  expect(wrong).toEqual([]);
});

test("a reference to what another project has is one to nothing", async () => {
  const wrong: string[] = [];
  let count = 0;
  for (const kind of KINDS.filter(({ rest }) => rest?.operations.includes("patch"))) {
    const operation = two.operations.find(({ id }) => id === `Patch${kind.schemaName.replace(/Resource$/, "")}`);
    for (const [field, { reference, readOnly }] of Object.entries(kind.fields)) {
      const target = KINDS.find(({ name }) => name === reference?.kind);
      if (!operation || !target || reference?.hidden || readOnly) continue;
      const patch = (round: number) => {
        const id = `${target.prefix}-0000000${round}`;
        const body = { [field]: reference?.many ? [id] : id };
        return two.ask(operation, { as: "im-rw", project: "own", round: OURS, body });
      };
      const [theirs, nobodys] = [await patch(THEIRS), await patch(NOBODYS)];
      count += 1;
      if (theirs.status >= 400 && anonymous(theirs.whole) === anonymous(nobodys.whole)) continue;
      wrong.push(`${kind.name}.${field}: ${brief(theirs.whole)} and ${brief(nobodys.whole)}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(count).toBeGreaterThan(3);
});

test("nothing that is asked of one's own project changes by what happens in another, its headers neither", async () => {
  const reads = ofProjects().filter(({ method, id }) => method === "GET" && id !== "ListAuditEntries");
  const look = () =>
    Promise.all(
      reads.map(async (operation) => {
        const { whole, headers } = await two.ask(operation, { as: "im-rw", project: "own", round: OURS });
        return `${operation.id} ${withoutAges(whole)} ${headers}`;
      }),
    );
  const before = await look();
  await two.fill(two.tenants.other, LATER);
  const { status } = await two.hub.ask("POST", "/v1/projects/other/regions", { name: "one more" });
  expect(status).toBe(200);
  const after = await look();
  expect(after.filter((answer, at) => answer !== before[at]).map(brief)).toEqual([]);
  expect(before.filter((answer) => tellsOfTheirs(answer)).map(brief)).toEqual([]);
  expect(before.filter((answer) => answer.includes(" 200 ")).length, "of those that answer").toBeGreaterThan(40);
});

test("projects and organisations of others are not there, in lists neither, and nobody learns by trying", async () => {
  const tenancy = ofSort("tenancy");
  // Who makes projects or organisations learns which names are taken: those are the whole hub's.
  const makers = ["project-write-role", "org-write-role", "hub-admin"];
  const all: readonly string[] = [...ROLES, ...ORGANISATION_ROLES, ...HUB_ROLES];
  for (const as of all.filter((role) => !makers.includes(role))) {
    for (const operation of tenancy.filter(({ path }) => path.endsWith("{projectName}"))) {
      const asked = { as, round: THEIRS, body: {} };
      const other = await two.ask(operation, { ...asked, project: "other" });
      const none = await two.ask(operation, { ...asked, project: "nobodys" });
      expect([as, operation.id, other.whole]).toEqual([as, operation.id, none.whole]);
      expect(other.status).toBeGreaterThanOrEqual(400);
    }
    for (const operation of tenancy.filter(({ id }) => id === "ListProjects")) {
      const { text } = await two.ask(operation, { as, project: "", round: THEIRS });
      const names = JSON.parse(text).map(({ name }: { readonly name: string }) => name);
      expect([as, names]).toEqual([as, ROLES.includes(as) ? ["own"] : []]);
    }
    for (const operation of tenancy.filter(({ id }) => id === "GetMetrics")) {
      const { text } = await two.ask(operation, { as, project: "", round: THEIRS });
      expect([as, text]).toEqual([as, expect.stringContaining(ROLES.includes(as) ? two.tenants.own : "")]);
      expect([as, tellsOfTheirs(text)]).toEqual([as, false]);
    }
  }
});

test("what tells of all projects is for the hub's administrators alone", async () => {
  for (const operation of ofSort("of the hub")) {
    for (const as of two.bearers.keys()) {
      const { status } = await two.ask(operation, { as, project: "", round: THEIRS });
      expect([operation.id, as, status]).toEqual([
        operation.id,
        as,
        as === "hub-admin" ? 200 : as === "nobody" ? 401 : 403,
      ]);
    }
  }
});

test("a site reads its own two scopes and sends for itself; other sites and other projects are closed to it alike", async () => {
  const shape = async (scope: string) => {
    const query = new URLSearchParams({ table: "feed", where: `scope = '${scope}'`, offset: "-1" });
    const [operation] = ofSort("of a site").filter(({ path }) => path === "/v1/shape");
    if (!operation) throw new TypeError("no shapes are served");
    return two.ask(operation, { as: "site", project: "own", round: OURS, query: `?${query}` });
  };
  const own = [siteScope(`site-0000000${OURS}`), tenantScope(two.tenants.own)];
  for (const scope of own) expect((await shape(scope)).status).toBe(200);
  const pairs = [
    [siteScope(`site-0000000${THEIRS}`), siteScope(`site-0000000${NOBODYS}`)],
    [tenantScope(two.tenants.other), tenantScope("00000000-0000-4000-8000-000000000000")],
  ] as const;
  for (const [theirs, nobodys] of pairs) {
    const [closed, none] = [await shape(theirs), await shape(nobodys)];
    expect([closed.status, closed.text.replace(theirs, "it")]).toEqual([403, none.text.replace(nobodys, "it")]);
  }
  for (const operation of ofSort("of a site").filter(({ path }) => path.includes("{siteId}"))) {
    const asked = { as: "site", project: "own", body: {} };
    const [theirs, none] = [
      await two.ask(operation, { ...asked, round: THEIRS }),
      await two.ask(operation, { ...asked, round: NOBODYS }),
    ];
    expect([operation.id, theirs.status, anonymous(theirs.text)]).toEqual([operation.id, 403, anonymous(none.text)]);
  }
});

test("what a site sends about another project's resources is set aside like what it sends about none", async () => {
  const token = two.bearers.get("site") ?? "";
  const headers = { authorization: `Bearer ${token}`, ...OFFER };
  const site = { id: `site-0000000${OURS}`, tenant: two.tenants.own, token, headers };
  const sender = new Sender(two.hub, site);
  const send = async (round: number) => {
    const id = `host-0000000${round}`;
    const by = { actor: "operator:eve", at: 1 };
    const { status, body } = await sender.send([
      { type: "state", kind: "host", id, observedAt: 1, observedGeneration: 1, fields: {} },
      { type: "release", kind: "host", id, reason: "deleted", stamp: "s" },
      { type: "edit", intent: `e-${round}`, kind: "host", id, field: "name", value: "eves", base: "b", ...by },
      { type: "credential", hostId: id, hash: null, machine: "m", at: 1 },
      { type: "enrolment-used", id: `enrolment-000000000000000${round}` },
    ]);
    const outcomes = body.outcomes as readonly { readonly result: string; readonly reason?: string }[];
    return { status, said: outcomes.map(({ result, reason = "" }) => anonymous(`${result} ${reason}`)) };
  };
  const theirs = await send(THEIRS);
  expect(theirs).toEqual({ status: 200, said: (await send(NOBODYS)).said });
  const host = await two.hub.hub.store.read((view) => view.get(Host, two.tenants.other, `host-0000000${THEIRS}`));
  expect(host?.fields.name).toBe(`thing ${THEIRS}`);
});
