/** What is asked of the hub alone, below a project. */
const BELOW_A_PROJECT: readonly (readonly [RegExp, string])[] = [
  [/\/sites\/[^/]+\/enrolment-tokens$/, "enrolment tokens are made at the hub"],
  [/\/sites\/[^/]+\/tokens(\/[^/]+)?$/, "tokens of sites are made and revoked at the hub"],
  [/\/sites\/[^/]+\/retire$/, "sites are retired at the hub"],
  [/\/sites\/[^/]+\/(status|quarantine)$/, "the hub shows how it hears a site; this site shows itself at /v1/status"],
  [/\/compute\/hosts\/[^/]+\/(rehome|force-release|force)$/, "hosts are moved and deleted at the hub"],
];

/** Why a request that the hub answers is not answered here; undefined for one that nobody answers. */
export function atTheHub(path: string, method: string): string | undefined {
  if (/^\/v1\/orgs(\/[^/]+)?$/.test(path)) return "organisations are looked after at the hub";
  if (/^\/v1\/projects\/[^/]+$/.test(path)) {
    return method === "PUT" || method === "DELETE" ? "projects are made, changed and deleted at the hub" : undefined;
  }
  if (!path.startsWith("/v1/projects/")) return undefined;
  return BELOW_A_PROJECT.find(([pattern]) => pattern.test(path))?.[1];
}
