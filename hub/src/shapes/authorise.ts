import { type FeedScope, siteScope, tenantScope } from "@holdfast/protocol";

/** Why a site may not read a scope; undefined when it may: its own, and what its tenant's sites share. */
export function scopeRefusal(scope: FeedScope, site: { site: string; tenant: string }): string | undefined {
  if (scope === siteScope(site.site) || scope === tenantScope(site.tenant)) return undefined;
  return `the token of ${site.site} does not open the scope ${scope}`;
}
