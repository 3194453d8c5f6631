import { HUB_ROLES, ORGANISATION_ROLES, PROJECT_ROLES } from "@holdfast/inventory/api/roles";
import { fullResources } from "@holdfast/inventory/store/conformance/fixture";
import { KINDS, type Resource } from "@holdfast/protocol";
import { OFFER } from "../hub-harness.ts";
import { type SigninHub, startSigninHub } from "../signin/under-test.ts";

/** Rounds of resources: whose they are is seen by their ids. */
export const [OURS, THEIRS, NOBODYS, LATER] = [1, 7, 5, 8];

/** Every role that is held in a project. */
export const ROLES: readonly string[] = [...PROJECT_ROLES, "manager"];

/** A body by which nothing is made. */
export const NONSENSE = { nonsense: 1 };

/** What an operation refuses to go without. */
const QUERY: Readonly<Record<string, string>> = { ListLocations: "?name=thing&showSites=true&showRegions=true" };

/** One of the OpenAPI document. */
export interface Operation {
  readonly id: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** A list that can be watched. */
  readonly isWatched: boolean;
}

export interface Asked {
  /** A role, `nobody`, or `site`. */
  readonly as: string;
  readonly project: string;
  /** Of the resources that the path names. */
  readonly round: number;
  readonly body?: object;
  readonly query?: string;
}

/** A hub with two projects that have one resource of each kind, and everybody who may come to it. */
export interface TwoProjects extends AsyncDisposable {
  readonly hub: SigninHub;
  /** Ids. */
  readonly tenants: { readonly own: string; readonly other: string };
  /** By role in the project `own`, `site` of that project, `nobody`. */
  readonly bearers: ReadonlyMap<string, string | undefined>;
  /** All that the running hub documents. */
  readonly operations: readonly Operation[];
  fill(tenant: string, round: number): Promise<void>;
  ask(operation: Operation, asked: Asked): Promise<Told>;
  /** Watches a list over HTTP. */
  watch(operation: Operation, asked: Pick<Asked, "as" | "project" | "round">): Promise<Watcher>;
}

export interface Watcher extends AsyncDisposable {
  readonly status: number;
  /** All that has come, once this is in it. */
  until(mark: string): Promise<string>;
}

export interface Told {
  readonly status: number;
  readonly text: string;
  /** Status and body. */
  readonly whole: string;
  /** But what tells requests apart. */
  readonly headers: string;
}

export async function startTwoProjects(): Promise<TwoProjects> {
  const hub = await startSigninHub({ requestsPerSecond: 0 });
  const made = async (project: string): Promise<string> => {
    return (await hub.ask("PUT", `/v1/projects/${project}`, {})).body.status.projectStatus.uID;
  };
  const tenants = { own: await made("own"), other: await made("other") };
  await hub.hub.tenants.idle();
  const fill = (tenant: string, round: number) => fillProject(hub, tenant, round);
  await fill(tenants.own, OURS);
  await fill(tenants.other, THEIRS);
  const siteToken = async (project: string, round: number): Promise<string> => {
    return (await hub.ask("POST", `/v1/projects/${project}/sites/site-0000000${round}/tokens`, {})).body.token;
  };
  await hub.ask("PUT", "/v1/orgs/elsewhere", {});
  const bearers = new Map<string, string | undefined>([["nobody", undefined]]);
  bearers.set("site", await siteToken("own", OURS));
  await siteToken("other", THEIRS);
  await hub.ask("POST", `/v1/projects/other/compute/hosts/host-0000000${THEIRS}/commands`, { command: "reset" });
  for (const role of [...PROJECT_ROLES, ...ORGANISATION_ROLES, ...HUB_ROLES]) {
    // Of an organisation that has neither of the projects.
    await hub.user(role, role, "--projects", "own", "--organisations", "elsewhere");
    bearers.set(role, (await hub.signIn(role)).body.access_token);
  }
  const manager = { name: "manager", roles: ["manager"], fields: ["host.hostStatus"] };
  bearers.set("manager", (await hub.ask("POST", "/v1/projects/own/service-tokens", manager)).body.token);
  const { paths } = (await hub.ask("GET", "/openapi.json")).body as { paths: Record<string, Record<string, Named>> };
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { operationId: id, parameters = [] }]) => {
      const isWatched = parameters.some(({ name }) => name === "watch");
      return { id, method: method.toUpperCase() as Operation["method"], path, isWatched };
    }),
  );
  return {
    ...{ hub, tenants, bearers, operations, fill },
    async ask(operation, { as, project, round, body, query = queryOf(operation) }) {
      const { url, headers } = placed(operation, project, round);
      const bearer = bearers.get(as);
      const answer = await hub.hub.app.inject({
        ...{ method: operation.method, url: `${url}${query}` },
        headers: { ...headers, ...OFFER, ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }) },
        ...(body === undefined || operation.method === "GET" ? {} : { payload: body }),
      });
      // A cursor's number rises with whatever is written at the hub: it tells that somebody wrote, as all numbers of the log do.
      const { date: _, "x-request-id": __, "holdfast-cursor": ___, ...told } = answer.headers;
      const { statusCode: status, body: text } = answer;
      return { status, text, whole: `${status} ${text}`, headers: JSON.stringify(told) };
    },
    watch(operation, { as, project, round }) {
      const { url, headers } = placed(operation, project, round);
      const query = new URLSearchParams(queryOf(operation).slice(1));
      query.set("watch", "true");
      return follow(`${hub.url}${url}?${query}`, { ...headers, authorization: `Bearer ${bearers.get(as) ?? ""}` });
    },
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
}

async function follow(url: string, headers: Record<string, string>): Promise<Watcher> {
  const gone = new AbortController();
  const { status, body } = await fetch(url, { headers, signal: gone.signal });
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    status,
    async until(mark) {
      while (!text.includes(mark)) {
        const read = await reader?.read();
        if (read?.value === undefined) throw new Error(`${url} ended before ${mark}: ${text.slice(0, 300)}`);
        text += read.value;
      }
      return text;
    },
    [Symbol.asyncDispose]: async () => gone.abort(),
  };
}

interface Named {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name?: string }[];
}

/** A resource of each kind, referring to each other, by ids that tell the round. */
async function fillProject(hub: SigninHub, tenant: string, round: number): Promise<void> {
  await hub.hub.store.write(async (tx) => {
    for (const { kind, full } of fullResources(round)) {
      const { retired: _, ...standing } = full;
      const name = "name" in standing.fields ? { name: `thing ${round}` } : {};
      await tx.insert(kind, { ...standing, tenant, fields: { ...standing.fields, ...name } } as Resource);
    }
  });
}

const BY_COLLECTION = new Map(
  KINDS.flatMap((kind) => (kind.rest?.collections ?? []).map((path) => [path.split("/").at(-1) ?? "", kind] as const)),
);
const BY_PARAMETER: Readonly<Record<string, string>> = { siteId: "site", regionId: "region", hostId: "host" };

/** The path of an operation, about a project and about the resources of a round. */
function placed({ path }: Operation, project: string, round: number): { url: string; headers: Record<string, string> } {
  let before = "";
  const parts = path.split("/").map((part) => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === "projectName") return project;
    if (name === undefined) {
      before = part;
      return part;
    }
    const own = /^(command|conflict|token)Id$/.exec(name)?.[1];
    if (own !== undefined) return `${own}-000000000000000${round}`;
    const prefix = BY_PARAMETER[name] ?? BY_COLLECTION.get(before)?.prefix;
    return prefix === undefined ? `unknown-0000000${round}` : `${prefix}-0000000${round}`;
  });
  return { url: parts.join("/"), headers: path.includes("{projectName}") ? {} : { activeprojectid: project } };
}

/** The name of an operation, also of its twin under the old prefix. */
export function nameOf({ id }: Operation): string {
  return id.replace(/V2$/, "");
}

function queryOf(operation: Operation): string {
  return QUERY[nameOf(operation)] ?? "";
}
