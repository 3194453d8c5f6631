import type { Store } from "@holdfast/inventory";
import { TooOften } from "@holdfast/inventory/api/errors";
import type { Principal } from "@holdfast/inventory/api/principal";
import { isProjectRole, tokenGrants } from "@holdfast/inventory/api/roles";
import { accessActor } from "@holdfast/protocol/feed";
import { type Clock, Fault } from "@holdfast/runtime";
import type { FastifyRequest } from "fastify";
import type { RefusalLimit } from "../api/refusal-limit.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { judgeAccess } from "./judge.ts";
import { KnownTokens } from "./known-tokens.ts";

export interface OperatorsParts {
  readonly store: Store;
  /** Undefined until the hub has been heard once. */
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  /** Never goes back, whatever the machine's own clock does (rule 22). */
  readonly clock: Pick<Clock, "now">;
  /** Milliseconds since the epoch; undefined when it never was. */
  readonly hubHeardAt: () => number | undefined;
  readonly limit: RefusalLimit;
}

type Asking = Pick<FastifyRequest, "headers" | "ip">;

/** Tokens of sites, machines and enrolments, by how they begin. */
const NO_OPERATOR = /^hf[a-np-z]_/;

/** Lets operators in at the site with the tokens that they have at the hub, whether or not the hub is there. */
export class Operators {
  readonly #parts: OperatorsParts;
  readonly #tokens = new KnownTokens();

  constructor(parts: OperatorsParts) {
    this.#parts = parts;
  }

  /**
   * Who asks, in the site's own tenant. Throws Unauthenticated with what is wrong with the token, Unavailable before the site
   * knows any, and ResourceExhausted to an address that has come with too many wrong ones. A good token is always let in:
   * nobody shuts others out by guessing behind the same address.
   */
  async authenticate({ headers, ip }: Asking): Promise<Principal> {
    const token = /^Bearer ([\w.~+/-]{8,200}=*)$/i.exec(headers.authorization ?? "")?.[1];
    if (token === undefined) throw new Fault("Unauthenticated", "a token is needed: Authorization: Bearer hfo_…");
    const of = await this.#parts.replicaOf();
    if (!of) throw new Fault("Unavailable", "this site has not reached its hub yet, so it knows no operator");
    const known = await this.#parts.store.read((view) => this.#tokens.find(view, of.tenant, token));
    const refused = known ? this.#judge(known.body) : unknown(token);
    if (!known || refused !== undefined) throw this.#refusal(ip, refused ?? "");
    const { name, role, roles } = known.body;
    // A hub gives out no more by a feed than what is about projects.
    const ofProject = roles?.filter(isProjectRole);
    return { actor: accessActor(name), grants: tokenGrants({ role, roles: ofProject }, [of.tenant]), token: known.id };
  }

  #judge(body: Parameters<typeof judgeAccess>[0]): string | undefined {
    return judgeAccess(body, { now: this.#parts.clock.now(), hubHeardAt: this.#parts.hubHeardAt() });
  }

  #refusal(address: string, why: string): Fault {
    const wait = this.#parts.limit.waitFor(address);
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1_000);
      return new TooOften(`too many wrong tokens from this address, wait ${seconds} seconds`, seconds);
    }
    this.#parts.limit.refused(address);
    return new Fault("Unauthenticated", why);
  }
}

function unknown(token: string): string {
  if (NO_OPERATOR.test(token)) return "this is no operator's token: those begin with hfo_";
  return "the token is unknown at this site, or was revoked";
}
