import { type Clock, Fault, silentLog, systemClock } from "@holdfast/runtime";
import type { FastifyInstance, InjectOptions } from "fastify";
import { type Authority, createAuthority } from "../authority/authority.ts";
import type { Inventory } from "../inventory.ts";
import type { Store, Tenant } from "../store/contract.ts";
import { openSqliteStore } from "../store/sqlite/open.ts";
import { type ApiOptions, createApi } from "./api.ts";
import { CommandsUnderTest, ConflictsUnderTest, HoldsUnderTest } from "./providers-under-test.ts";
import { type Grant, isProjectRole, operatorGrants } from "./roles.ts";

export type Body = Record<string, unknown>;

export interface Answer {
  readonly status: number;
  readonly body: Body;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface Asking {
  readonly body?: unknown;
  /** The token to come with: `writer`, `reader`, `writer-of-other`, or the name of a role in acme; none when null. */
  readonly as?: string | null;
  readonly headers?: Record<string, string>;
}

/** The API over a store in memory with two projects, acme and other; for tests. */
export interface ApiUnderTest extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly inventory: Authority;
  readonly store: Store;
  readonly acme: Tenant;
  /** Paths that do not begin with /v1 or another root are acme's. */
  ask(method: NonNullable<InjectOptions["method"]>, path: string, asking?: Asking): Promise<Answer>;
  /** The same, which must succeed. */
  done(method: NonNullable<InjectOptions["method"]>, path: string, body?: unknown): Promise<Body>;
}

export interface TestOptions extends Partial<Omit<ApiOptions, "inventory" | "authenticate" | "title" | "clock">> {
  readonly clock?: Clock;
  /** Puts something between the API and the inventory. */
  readonly between?: (inventory: Inventory) => Inventory;
  /** Why nobody is let in, while there is a reason. */
  readonly refuse?: () => Fault | undefined;
}

export async function openApi({
  clock = systemClock,
  between,
  refuse,
  ...options
}: TestOptions = {}): Promise<ApiUnderTest> {
  const store = await openSqliteStore({ path: ":memory:" });
  const inventory = await createAuthority({ store, clock });
  const acme = await inventory.createTenant({ actor: "hub", name: "acme" });
  const other = await inventory.createTenant({ actor: "hub", name: "other" });
  const app = await createApi({
    inventory: between ? between(inventory) : inventory,
    clock,
    log: silentLog,
    title: "Holdfast",
    conflicts: new ConflictsUnderTest(),
    commands: new CommandsUnderTest(),
    holds: new HoldsUnderTest(),
    ...options,
    authenticate: async ({ headers }) => {
      const refused = refuse?.();
      if (refused) throw refused;
      if (headers.authorization === "Bearer writer") {
        return { actor: "operator:w", grants: operatorGrants("write", "all"), token: "token-w" };
      }
      if (headers.authorization === "Bearer reader") {
        return { actor: "operator:r", grants: operatorGrants("read", [acme.id]) };
      }
      if (headers.authorization === "Bearer writer-of-other") {
        return { actor: "operator:o", grants: operatorGrants("write", [other.id]) };
      }
      const grants = asGrants(headers.authorization, acme.id);
      if (grants) return { actor: "operator:g", grants };
      throw new Fault("Unauthenticated", "unknown token");
    },
  });
  const ask: ApiUnderTest["ask"] = async (method, path, { body, as = "writer", headers = {} } = {}) => {
    const response = await app.inject({
      method,
      url: path.startsWith("/") ? path : `/v1/projects/acme/${path}`,
      headers: { ...(as === null ? {} : { authorization: `Bearer ${as}` }), ...headers },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    const json = String(response.headers["content-type"]).includes("json");
    const parsed = json && response.body !== "" ? (JSON.parse(response.body) as Body) : {};
    return { status: response.statusCode, body: parsed, headers: response.headers, text: response.body };
  };
  return {
    app,
    inventory,
    store,
    acme,
    ask,
    done: async (method, path, body) => {
      const answer = await ask(method, path, { body });
      if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return answer.body;
    },
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await store.close();
    },
  };
}

function asGrants(authorization: string | undefined, project: string): readonly Grant[] | undefined {
  const role = authorization?.replace("Bearer ", "") ?? "";
  return isProjectRole(role) ? [{ role, projects: [project] }] : undefined;
}
