import type { RecoveryProgress, SiteProgress } from "./recovery-status.ts";
import type { RecoveryClaimRow } from "./tables.ts";

const STATES: Readonly<Record<SiteProgress["state"], string>> = {
  told: "has told all that it holds",
  telling: "was let in, has not told all yet",
  waiting: "waits for you: holdfast hub recover list",
  silent: "known from another site, has made no claim",
};

/** What no site holds, so that no site can give it back. */
export const LOST = [
  "the history of changes before today, and events",
  "what was set aside in quarantine",
  "the outcome of commands, and commands that were under way",
  "enrolment tokens that had not reached their site, and all whose site has not kept them: make new ones",
  "projects without a site, and what was made or changed at the hub and had not reached any site",
  "hosts of sites that were not let in, and hosts that no site managed",
  "credentials of providers: no site is given them",
  "what sites observe, until they report it again, which they do by themselves",
];

/** Claims, for the eyes of an operator. */
export function claimsText(claims: readonly RecoveryClaimRow[]): string {
  if (claims.length === 0)
    return "No site has made a claim yet. A site makes one within a minute of reaching this hub.";
  const lines = claims.map((claim) => {
    const state = claim.accepted_at === null ? "waits" : "accepted";
    const seen = `from ${claim.address}, last ${new Date(claim.seen_at).toISOString()}`;
    return `${claim.site}  ${claim.fingerprint}  ${state}  "${claim.site_name}" of project ${claim.tenant_name}, ${seen}`;
  });
  return [
    ...lines,
    "",
    "Compare each fingerprint with what the site itself shows (its log, or GET /v1/status at the site), then:",
    "  holdfast hub recover accept SITE-ID FINGERPRINT",
  ].join("\n");
}

/** What came back, what is missing, and what will not come back. */
export function progressText(progress: RecoveryProgress): string {
  const { since, resources, operators, unconfirmed, openConflicts, sites } = progress;
  const counts = Object.entries(resources).map(([kind, count]) => `${kind.replaceAll("_", " ")} ${count}`);
  const began =
    since === undefined ? "The hub is not recovering." : `Recovering since ${new Date(since).toISOString()}.`;
  return [
    began,
    "",
    `Here now: ${counts.join(", ")}, operators' tokens ${operators}; open conflicts ${openConflicts}`,
    ...(unconfirmed.length === 0 ? [] : [waitingText(unconfirmed)]),
    "",
    "Sites:",
    ...(sites.length === 0 ? ["  none yet"] : sites.map(siteLine)),
    "",
    "What cannot come back:",
    ...LOST.map((lost) => `- ${lost}`),
    "Where two sites hold different values and neither is known to be the later one, there is a conflict to resolve.",
  ].join("\n");
}

const LISTED = 20;

function waitingText(unconfirmed: readonly string[]): string {
  const listed = unconfirmed.slice(0, LISTED).join(", ") + (unconfirmed.length > LISTED ? ", …" : "");
  return `Operators' tokens that wait for your confirmation (holdfast hub token confirm): ${unconfirmed.length}: ${listed}`;
}

function siteLine({ site, name, state, hosts, instances, parked, quarantined }: SiteProgress): string {
  const odd = [
    ...(parked > 0 ? [`${parked} rows wait for others`] : []),
    ...(quarantined > 0 ? [`${quarantined} entries set aside`] : []),
  ];
  const held = `host ${hosts}, instance ${instances}`;
  return `  ${site}  "${name}"  ${STATES[state]}; ${[held, ...odd].join(", ")}`;
}
