export interface Shown {
  readonly home: string;
  readonly hubUrl: string;
  readonly siteUrl: string;
  readonly token: string;
  readonly host: string;
}

/** What is said once everything runs: where it answers, how to get in, and three commands that can be pasted. */
export function welcome({ home, hubUrl, siteUrl, token, host }: Shown): string {
  const content = (name: string) => `$(cat ${quoted(`${home}/${name}`)})`;
  const curl = `curl -s -w '\\n' -H "Authorization: Bearer ${content("operator-token")}"`;
  const hosts = `${content("hub-url")}/v1/projects/default/compute/hosts`;
  const rename = `-X PATCH -H 'content-type: application/json' -d '{"name":"my-first-host"}'`;
  return `
Holdfast runs.

  API       ${hubUrl}   (documentation: ${hubUrl}/docs)
  site-node ${siteUrl}
  token     ${token}
  state     ${home}   (logs: hub.log, site.log, agent.log)

Three commands to try:

  # this machine, as its own agent sees it
  ${curl} "${hosts}"

  # give it a name: "generation" rises, and "observedGeneration" follows as soon as site and agent have it
  ${curl} "${hosts}/${host}" ${rename}

  # how the site stands: what it has of the hub, and what the hub has not of it yet
  curl -s -w '\\n' ${siteUrl}/v1/status

Ctrl-C stops everything; the next start finds it again.
`;
}

/** A text as one word of a shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
