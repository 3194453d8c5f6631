/** The history says that the site vouches for the name, not the hub. */
export function actorAt(site: string, actor: string): string {
  return `site:${site}/${actor.slice(0, 200)}`;
}
