import { type Clock, messageOf, seconds } from "@holdfast/runtime";
import type { Wan } from "./wan.ts";

export interface OutageOptions {
  readonly hubUrl: string;
  readonly siteUrl: string;
  readonly token: string;
  /** The host that is renamed at the site while the hub is away. */
  readonly host: string;
  readonly wan: Pick<Wan, "cut" | "restore">;
  /** How long all is well, and how long the link is then away, milliseconds. */
  readonly after: number;
  readonly away: number;
  readonly clock: Clock;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

const LOOK_EVERY = seconds(1);
/** How long the hub may take to notice, and both sides to agree again. */
const NOTICED_WITHIN = seconds(90);
const HEALED_WITHIN = seconds(120);

const HOSTS = "/v1/projects/default/compute/hosts";

interface Host {
  readonly name: string;
  readonly hostStatus: string;
  readonly currentPowerState: string;
  readonly observation?: { readonly ageSeconds: number };
}

/**
 * Cuts the link after a while, shows what goes on at either side, mends the link, and shows how both sides meet again. Every
 * line is what the hub or the site-node answered at that moment.
 */
export async function playOutage(options: OutageOptions): Promise<void> {
  const { wan, after, away, clock, say, signal } = options;
  const began = clock.monotonic();
  const tell = (line: string) =>
    say(`[${String(Math.round((clock.monotonic() - began) / 1_000)).padStart(4)} s] ${line}`);
  await clock.sleep(after, signal);
  const before = await hostAt("hub", options);
  wan.cut();
  const cutAt = clock.monotonic();
  tell("the link between the site and the hub is CUT");

  const name = `renamed-${new Date(clock.now()).toISOString().slice(11, 19).replaceAll(":", "")}`;
  const held = await renameAtSite(options, name);
  tell(`at the site: PATCH …/compute/hosts/${options.host} {"name":"${name}"} is answered at once, held by: ${held}`);
  tell(`at the site: ${line(await hostAt("site", options))}; waiting for the hub: ${await unsent(options)} entries`);
  tell(`at the hub:  ${line(await hostAt("hub", options))}`);
  const unknown = await becomes(options, NOTICED_WITHIN, async () => {
    const host = await hostAt("hub", options);
    return host.hostStatus.startsWith("Unknown since") ? host : undefined;
  });
  tell(
    unknown
      ? `at the hub:  ${line(unknown)}: the hub does not know, and says so`
      : "at the hub:  the site is not called silent yet",
  );
  await clock.sleep(Math.max(0, away - (clock.monotonic() - cutAt)), signal);
  tell(`at the site: ${line(await hostAt("site", options))}; waiting for the hub: ${await unsent(options)} entries`);

  wan.restore();
  tell("the link is BACK");
  const healed = await becomes(options, HEALED_WITHIN, async () => {
    const host = await hostAt("hub", options);
    return host.name === name && !host.hostStatus.startsWith("Unknown") && (await unsent(options)) === 0
      ? host
      : undefined;
  });
  if (!healed) return tell("hub and site have not met again yet; logs and GET /v1/status of the site say why");
  tell(`at the hub:  ${line(healed)} (it was "${before.name}" before); waiting for the hub: 0 entries`);
  tell("hub and site agree again");
}

function line({ name, hostStatus, observation }: Host): string {
  const age = observation ? `, seen ${observation.ageSeconds} s ago` : "";
  return `"${name}", ${hostStatus}${age}`;
}

async function becomes<T>(
  { clock, signal }: OutageOptions,
  within: number,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const deadline = clock.monotonic() + within;
  while (clock.monotonic() < deadline) {
    const found = await look().catch((error: unknown) => {
      if (signal.aborted) throw error;
      return undefined;
    });
    if (found !== undefined) return found;
    await clock.sleep(LOOK_EVERY, signal);
  }
  return undefined;
}

async function hostAt(where: "hub" | "site", options: OutageOptions): Promise<Host> {
  const base = where === "hub" ? options.hubUrl : options.siteUrl;
  return (await ask(options, "GET", `${base}${HOSTS}/${options.host}`)).json() as Promise<Host>;
}

async function renameAtSite(options: OutageOptions, name: string): Promise<string> {
  const answer = await ask(options, "PATCH", `${options.siteUrl}${HOSTS}/${options.host}`, { name });
  return answer.headers.get("holdfast-durability") ?? "nobody says whom";
}

async function unsent(options: OutageOptions): Promise<number> {
  const status = (await (await ask(options, "GET", `${options.siteUrl}/v1/status`)).json()) as {
    readonly unsent: { readonly entries: number };
  };
  return status.unsent.entries;
}

async function ask({ token, signal }: OutageOptions, method: string, url: string, body?: object): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) };
  const within = AbortSignal.any([signal, AbortSignal.timeout(seconds(15))]);
  const response = await fetch(url, {
    method,
    headers,
    signal: within,
    ...(body ? { body: JSON.stringify(body) } : {}),
  }).catch((error: unknown) => {
    throw new Error(`${method} ${url}: ${messageOf(error)}`, { cause: error });
  });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return response;
}
