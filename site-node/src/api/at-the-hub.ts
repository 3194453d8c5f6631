/** What is asked of the hub alone, below a project. */
const AT_THE_HUB: readonly (readonly [RegExp, string])[] = [
  [/\/sites\/[^/]+\/enrolment-tokens$/, "enrolment tokens are made at the hub"],
  [/\/sites\/[^/]+\/tokens(\/[^/]+)?$/, "tokens of sites are made and revoked at the hub"],
  [/\/sites\/[^/]+\/retire$/, "sites are retired at the hub"],
  [/\/sites\/[^/]+\/(status|quarantine)$/, "the hub shows how it hears a site; this site shows itself at /v1/status"],
  [/\/compute\/hosts\/[^/]+\/(rehome|force-release|force)$/, "hosts are moved and deleted at the hub"],
];

/** Why a path that the hub answers is not answered here; undefined for a path that nobody answers. */
export function atTheHub(path: string): string | undefined {
  if (!path.startsWith("/v1/projects/")) return undefined;
  return AT_THE_HUB.find(([pattern]) => pattern.test(path))?.[1];
}
