import { expect, onTestFinished, test } from "vitest";
import { accessRow, SiteApi } from "../testing/site-api.ts";

/**
 * Every operation of a site's own document, by who asks and of which project. What the hub's document has besides is at
 * `hub/src/tenants/isolation.test.ts`; what a machine may say and hear at the site's broker, at `broker/broker-access.test.ts`.
 */
const ELSEWHERE = "22222222-2222-4222-8222-222222222222";
const GRANTED: Readonly<Record<string, readonly string[]>> = {
  "im-r": ["im-r"],
  "im-rw": ["im-rw"],
  "oob-power": ["oob-power"],
  "oob-console": ["oob-console"],
  auditor: ["auditor"],
};
const ROLES = Object.keys(GRANTED);
const tokenOf = (role: string) => `hfo_the-token-of-${role.replace("-", "")}-who-comes`;
const WRITER = tokenOf("im-rw");
const STRANGER = "hfo_the-token-of-eve-who-is-of-another-project";

/** What needs no operator: it holds nothing of any project. */
const OPEN = ["GET /v1/health"];
/** The roles by which an operation is open that needs something else than to read for GET and to write for others. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  IssueCommand: ["im-rw", "oob-power"],
  PatchHost: ["im-rw", "oob-power"],
  // Managers are identities of the hub alone.
  CreateOSUpdateRun: [],
  PatchOSUpdateRun: [],
};

interface Operation {
  readonly id: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
}

async function opened() {
  const it = await SiteApi.open();
  onTestFinished(() => it[Symbol.asyncDispose]());
  const rows = ROLES.map((role, at) =>
    accessRow(tokenOf(role), 10 + at, { role: "read", roles: [...(GRANTED[role] ?? [])] }),
  );
  await it.tenantFeed(...rows, accessRow(STRANGER, 30, { tenant: ELSEWHERE }));
  const { paths } = (await it.ask("GET", "/openapi.json")).body as {
    paths: Record<string, Record<string, { readonly operationId: string }>>;
  };
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { operationId: id }]) => {
      return { id, method: method.toUpperCase(), path } as Operation;
    }),
  );
  let asked = 0;
  const ask = async ({ method, path }: Operation, as: string | null, project: string) => {
    // The site's own machine, wherever a resource is named: it would be found by whoever is let in.
    const url = path.replace("{projectName}", project).replaceAll(/\{\w+\}/g, it.own);
    asked += 1;
    const headers = { activeprojectid: project };
    // Each from another address: whoever comes with wrong tokens too often is not heard any more.
    const from = `10.0.${asked >> 8}.${asked & 255}`;
    const body = method === "GET" ? {} : { body: { nonsense: 1 } };
    const { status, body: told } = await it.ask(method, url, { as, headers, from, ...body });
    return { status, told: `${status} ${JSON.stringify(told)}` };
  };
  return { operations: operations.filter(({ method, path }) => !OPEN.includes(`${method} ${path}`)), ask };
}

test("nobody is let in at a site without a token of its own project, whatever they ask for", async () => {
  const { operations, ask } = await opened();
  expect(operations.length).toBeGreaterThan(150);
  const wrong: string[] = [];
  for (const operation of operations) {
    for (const as of [null, STRANGER]) {
      const { status, told } = await ask(operation, as, "default");
      if (status !== 401) wrong.push(`${as} ${operation.id}: ${told.slice(0, 200)}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("at a site everybody may do what their role says in its project, and another project is nobody's there", async () => {
  const { operations, ask } = await opened();
  const wrong: string[] = [];
  for (const [at, operation] of operations.entries()) {
    const { id, method, path } = operation;
    const isOfProject = path.includes("{projectName}/") || path.startsWith("/edge-infra");
    const special = NEEDS[id.replace(/V2$/, "")];
    const allowed = special ?? (method === "GET" ? ROLES : ["im-rw"]);
    const others = ROLES.filter((role) => !role.startsWith("im-"));
    for (const role of ["im-r", "im-rw", ...(special ? others : others.slice(at % others.length).slice(0, 1))]) {
      const { status, told } = await ask(operation, tokenOf(role), "default");
      const isRefused = status === 403 && told.includes("this role may");
      if (isRefused === allowed.includes(role) || status === 401 || status >= 500) wrong.push(`${role} ${id}: ${told}`);
    }
    if (!isOfProject) continue;
    const [other, none] = [await ask(operation, WRITER, ELSEWHERE), await ask(operation, WRITER, "none")];
    if (other.status < 400 || other.told !== none.told) wrong.push(`another project ${id}: ${other.told} ${none.told}`);
  }
  expect(wrong).toEqual([]);
});
