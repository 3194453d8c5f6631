import { KINDS } from "@holdfast/protocol";
import { mutateJson } from "./mutate/json.ts";
import { mutateText } from "./mutate/text.ts";
import type { Random } from "./random.ts";
import { type Schema, schemaValue } from "./schema-values.ts";
import type { Input } from "./target.ts";
import { filterText, orderText, pageText } from "./targets/filters.ts";

/** An OpenAPI document, as an API serves it. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: Schema }[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
}

/** A request to an API, with `{host}` where the id of a host stands. */
export interface RestRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, Input>>;
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON body, or a text that is perhaps none; absent when there is no body. */
  readonly body?: Input;
  readonly text?: string;
}

/** What a path's parameter is an id of, by the part of the path before it. */
const ID_AFTER: Readonly<Record<string, readonly string[]>> = {
  projects: ["default"],
  regions: ["{region}"],
  sites: ["{site}", "{site}", "{otherSite}"],
  hosts: ["{host}", "{otherHost}"],
  os: ["{os}"],
  instances: ["{instance}"],
  providers: ["{provider}"],
  commands: ["command-0123456789abcdef", "{command}"],
  conflicts: ["conflict-0123456789abcdef", "{conflict}"],
  tokens: ["token-0123456789abcdef"],
};

const KNOWN: Readonly<Record<string, readonly Input[]>> = {
  siteId: ["{site}", "{otherSite}", ""],
  moveHostsTo: ["{site}", "{otherSite}"],
  regionId: ["{region}"],
  parentId: ["{region}", ""],
  hostID: ["{host}", "{otherHost}"],
  hostId: ["{host}", "{otherHost}"],
  osID: ["{os}"],
  resourceId: ["{host}", "host-0a1b2c3d"],
  name: ["a name", "oslo"],
  sha256: ["b".repeat(64)],
  metadata: [[{ key: "zone", value: "a" }], []],
  generation: [1, 2],
};

interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** Makes requests to whatever a document describes. */
export function restRequests(document: Document): (random: Random) => RestRequest {
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]): Route => ({ method: method.toUpperCase(), path, operation })),
  );
  const chosen = routes.filter(({ path }) => isOperators(path));
  const refersTo = (ref: string) => document.components.schemas[ref.slice("#/components/schemas/".length)] ?? {};
  const around = { known: KNOWN, refersTo };
  return (random) => {
    const route = random.pick(chosen);
    // What is deleted must be made again: less of that leaves time for more of all else.
    const isSpared = route.method === "DELETE" && random.chance(0.7);
    return requestTo(random, isSpared ? random.pick(chosen) : route, around);
  };
}

/** What sites and machines ask for has targets of its own; a project that is deleted would end all else. */
function isOperators(path: string): boolean {
  return path.startsWith("/v1/projects/{projectName}/") || path === "/v1/health" || path === "/v1/status";
}

/** Parameters that are never sent: whoever watches has no end of an answer. */
const NEVER_SENT = new Set(["watch"]);

function requestTo(
  random: Random,
  { method, path, operation }: Route,
  around: { known: typeof KNOWN; refersTo: (ref: string) => Schema },
): RestRequest {
  const query: Record<string, Input> = {};
  for (const { name, in: where, schema = {} } of operation.parameters ?? []) {
    if (where === "query" && !NEVER_SENT.has(name) && random.chance(0.4))
      query[name] = queryValue(random, { name, schema, path }, around);
  }
  const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const headers: Record<string, string> = random.chance(0.03)
    ? { prefer: random.pick(["wait=0", 'wait="x"', "respond-async", "wait=0;a"]) }
    : {};
  const request = { method, path: filledPath(random, path), query, headers };
  if (!schema || random.chance(0.02)) return request;
  const body = schemaValue(random, schema, around);
  if (random.chance(0.03))
    return { ...request, text: mutateText(random, JSON.stringify(body), ["{", "}", '"', ",", "[", "nul"]) };
  return { ...request, body: random.chance(0.8) ? mutateJson(random, body) : body };
}

function queryValue(
  random: Random,
  { name, schema, path }: { name: string; schema: Schema; path: string },
  around: { known: typeof KNOWN; refersTo: (ref: string) => Schema },
): Input {
  const kind =
    KINDS.find(({ rest }) => rest?.collections.some((collection) => path.endsWith(`/${collection}`))) ??
    random.pick(KINDS);
  if (name === "filter") return filterText(random, kind);
  if (name === "orderBy") return orderText(random, kind);
  if (name === "pageSize" || name === "offset") return pageText(random);
  if (name === "fieldMask")
    return Array.from({ length: 1 + random.below(3) }, () => random.pick(Object.keys(kind.fields))).join(",");
  const value = String(schemaValue(random, schema, around, name));
  const text = random.chance(0.2) ? mutateText(random, value) : value;
  return random.chance(0.02) ? [text, text] : text;
}

function filledPath(random: Random, path: string): string {
  const parts = path.split("/");
  const names = parts.map((part, at) => {
    if (!part.startsWith("{")) return part;
    const ids = ID_AFTER[parts[at - 1] ?? ""] ?? ["x"];
    return random.chance(0.05) ? mutateText(random, random.pick(ids)) : random.pick(ids);
  });
  return names.join("/");
}
