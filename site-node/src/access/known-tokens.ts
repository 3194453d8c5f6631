import { timingSafeEqual } from "node:crypto";
import type { View } from "@holdfast/inventory";
import type { AccessBody } from "@holdfast/protocol/feed";
import { hashSecret } from "@holdfast/runtime";
import { siteTables } from "../database/tables.ts";
import { accessRows } from "../replica/in-place.ts";

export interface KnownToken {
  readonly id: string;
  readonly body: AccessBody;
}

interface Held extends KnownToken {
  readonly hash: Buffer;
}

/**
 * The operators' tokens of the feeds, in memory: of the tenant's, and of the site's own those that this site gave back to a
 * hub which had lost them. Read anew when a feed has moved on, so that a revocation counts from the moment at which the site
 * has heard of it.
 */
export class KnownTokens {
  #at = "";
  #held: readonly Held[] = [];

  /** The row of a token; undefined when there is none (any more). Takes as long whichever token it is. */
  async find(view: View, tenant: string, token: string): Promise<KnownToken | undefined> {
    await this.#refresh(view, tenant);
    const hash = Buffer.from(hashSecret(token), "hex");
    let found: Held | undefined;
    for (const held of this.#held) if (timingSafeEqual(held.hash, hash)) found = held;
    return found;
  }

  async #refresh(view: View, tenant: string): Promise<void> {
    const reached = await siteTables(view)
      .selectFrom("replica_position")
      .select(["scope", "handle", "position", "at"])
      .orderBy("scope")
      .execute();
    const at = JSON.stringify([tenant, reached]);
    if (at === this.#at) return;
    const rows = await accessRows(view);
    this.#held = rows.flatMap(({ id, body }) => {
      const hash = Buffer.from(body.tokenHash, "hex");
      return body.tenant === tenant && hash.length === 32 ? [{ id, body, hash }] : [];
    });
    this.#at = at;
  }
}
