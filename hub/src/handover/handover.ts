import type { Addressed, Asking, Authority, Transaction } from "@holdfast/inventory";
import { FieldFault, missing } from "@holdfast/inventory";
import { Host, type Resource, Site } from "@holdfast/protocol";
import type { Fault } from "@holdfast/runtime";
import type { Tokens } from "../tokens/tokens.ts";

/** What an operator does when a site cannot be waited for. Every act is in the history of changes under the operator's name. */
export interface Handover {
  /** Gives a host to another site at once, whatever the site that manages it says: its machine is there. */
  rehome(asked: Addressed & { readonly to: string }): Promise<void>;
  /** Carries out a move, or a deletion, that the site which manages the host cannot carry out. */
  release(asked: Addressed): Promise<void>;
  /** Removes a host with its instances at once (rule 15). */
  erase(asked: Addressed): Promise<void>;
  /**
   * Ends a site: its tokens open nothing any more, its hosts go to another site or to nobody, and it is gone. Throws
   * FailedPrecondition while something else needs it.
   */
  retire(asked: Addressed & { readonly moveHostsTo?: string }): Promise<Retired>;
}

export interface Retired {
  /** Hosts that went elsewhere. */
  readonly moved: number;
  /** Hosts that were being deleted, and are gone. */
  readonly deleted: number;
}

export interface HandoverParts {
  readonly authority: Pick<Authority, "store" | "settleIn" | "forceReleaseIn" | "forceDeleteIn" | "removeIn">;
  readonly tokens: Pick<Tokens, "list" | "revoke">;
}

export function createHandover({ authority, tokens }: HandoverParts): Handover {
  const { store } = authority;

  async function rehomeIn(tx: Transaction, { to, ...asked }: Addressed & { readonly to: string }): Promise<void> {
    const host = await existing(tx, asked);
    if (!(await tx.get(Site, asked.tenant, to))) throw noSuchSite("siteId", to);
    if (host.fields.siteId !== to) await authority.settleIn(tx, Host, { ...asked, fields: { siteId: to } });
    const now = await existing(tx, asked);
    if (now.owner !== undefined && now.owner !== to) await authority.forceReleaseIn(tx, asked);
  }

  async function emptyIn(tx: Transaction, site: string, asked: Asking & { tenant: string; to: string | undefined }) {
    const { to, ...rest } = asked;
    const done = { moved: 0, deleted: 0 };
    const held = [
      ...(await tx.find(Host, { owner: site }, asked.tenant)),
      ...(await tx.find(Host, { siteId: site }, asked.tenant)),
    ];
    for (const id of new Set(held.map(({ resourceId }) => resourceId))) {
      const one = { ...rest, id };
      const host = await existing(tx, one);
      if (host.fields.desiredState === "HOST_STATE_DELETED") {
        await authority.forceDeleteIn(tx, one);
        done.deleted += 1;
        continue;
      }
      if (host.fields.siteId === site) {
        await authority.settleIn(tx, Host, { ...one, fields: { siteId: to ?? null } });
      }
      if ((await existing(tx, one)).owner === site) await authority.forceReleaseIn(tx, one);
      done.moved += 1;
    }
    return done;
  }

  return {
    rehome: (asked) => store.write((tx) => rehomeIn(tx, asked)),
    release: (asked) => store.write((tx) => authority.forceReleaseIn(tx, asked)),
    erase: (asked) => store.write((tx) => authority.forceDeleteIn(tx, asked)),
    async retire({ moveHostsTo: to, ...asked }) {
      const { id: site, tenant } = asked;
      const done = await store.write(async (tx) => {
        if (!(await tx.get(Site, tenant, site))) throw missing(Site);
        if (to === site)
          throw new FieldFault("InvalidArgument", ["moveHostsTo"], "hosts cannot go to the site that is retired");
        if (to !== undefined && !(await tx.get(Site, tenant, to))) throw noSuchSite("moveHostsTo", to);
        const { id: _, ...rest } = asked;
        const emptied = await emptyIn(tx, site, { ...rest, to });
        await authority.removeIn(tx, Site, asked);
        return emptied;
      });
      // A token outlives its site nowhere: it opens nothing from the commit on. Revoking ends what is held open.
      for (const { id, site: of } of await tokens.list()) if (of === site) await tokens.revoke(id, asked);
      return done;
    },
  };
}

async function existing(tx: Transaction, { tenant, id }: Pick<Addressed, "tenant" | "id">): Promise<Resource> {
  const host = await tx.get(Host, tenant, id);
  if (!host) throw missing(Host);
  return host;
}

function noSuchSite(field: string, id: string): Fault {
  return new FieldFault("InvalidArgument", [field], `${field}: there is no site ${id}`);
}
