import type { Author } from "@holdfast/inventory";
import type { EditIntent } from "@holdfast/protocol";

/** The history says that the site vouches for the name, not the hub. */
export function actorAt(site: string, actor: string): string {
  return `site:${site}/${actor.slice(0, 200)}`;
}

/** Whoever wanted something at a site, as the site tells of them. */
export function authorAt(site: string, { actor, token, from, at }: AtSite): Author {
  return {
    actor: actorAt(site, actor),
    ...(token === undefined ? {} : { token }),
    ...(from?.address === undefined ? {} : { address: from.address }),
    ...(from?.request === undefined ? {} : { request: from.request }),
    wantedAt: at,
  };
}

type AtSite = Pick<EditIntent, "actor" | "token" | "from" | "at">;
