/** Ids are branded, so that a site's id cannot be passed where a host's is wanted. */
export type Id<Kind extends string> = string & { readonly idOf: Kind };

export type HostId = Id<"host">;
export type SiteId = Id<"site">;
export type TenantId = Id<"tenant">;

/** `host-0a1b2c3d`: a kind's prefix and eight hex digits. */
export function isId(prefix: string, text: string): boolean {
  return text.length === prefix.length + 9 && text.startsWith(`${prefix}-`) && /^[0-9a-f]{8}$/.test(text.slice(-8));
}

export function isHostId(text: string): text is HostId {
  return isId("host", text);
}

export function isSiteId(text: string): text is SiteId {
  return isId("site", text);
}

/** A number below 2^32 as the id of a kind. */
export function idFromNumber(prefix: string, number: number): string {
  if (!Number.isInteger(number) || number < 0 || number > 0xffff_ffff) throw new RangeError(`no id for ${number}`);
  return `${prefix}-${number.toString(16).padStart(8, "0")}`;
}
