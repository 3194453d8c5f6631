import type { Clock } from "@holdfast/runtime";
import { contentOf, reach, type Shown } from "./api.ts";
import type { Session } from "./configuration.ts";
import { Refusal } from "./faults.ts";

const CLIENT = "holdfast-cli";
const DISCOVERY = "/realms/master/.well-known/openid-configuration";
const ANSWERED_WITHIN = 60_000;

/** A token that runs out within this time, in milliseconds, is as good as gone: a request takes time, too. */
const MARGIN = 15_000;

export interface SessionParts {
  readonly clock: Pick<Clock, "now">;
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
}

type Asking = Pick<SessionParts, "signal" | "fetch">;

export interface Credentials {
  /** Of the hub. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

/** Signs in at the hub's own issuer. Throws a Refusal with its reason. */
export async function signIn({ url, user, password }: Credentials, parts: SessionParts): Promise<Session> {
  const within = AbortSignal.any([parts.signal, AbortSignal.timeout(ANSWERED_WITHIN)]);
  const found = await contentOf(await reach(`${url}${DISCOVERY}`, { signal: within }, parts.fetch));
  const tokenUrl = text(found, "token_endpoint");
  refuseElsewhere(url, tokenUrl);
  const form = { grant_type: "password", username: user, password };
  const answer = await post(tokenUrl, form, parts).catch((error) => {
    throw withOtherWay(error, found.holdfast_provider);
  });
  const session = sessionOf(answer, tokenUrl, parts.clock);
  const { end_session_endpoint: endUrl } = found;
  return typeof endUrl === "string" && isOf(url, endUrl) ? { ...session, endUrl } : session;
}

/** A refusal with what whoever signs in at the hub's other provider does instead. */
function withOtherWay(error: unknown, provider: unknown): unknown {
  if (!(error instanceof Refusal) || error.status !== 401 || typeof provider !== "string") return error;
  const there = `${provider} signs people in here, too: get an access token from it, and say --token-file FILE without USER, or HOLDFAST_TOKEN`;
  return new Refusal(error.code, { status: error.status, message: `${error.message}; ${there}` });
}

/** A password goes to the hub that its owner named, and nowhere that an answer names. */
function refuseElsewhere(url: string, tokenUrl: string): void {
  if (isOf(url, tokenUrl)) return;
  const why = `${url} says that one signs in at ${tokenUrl}, which is elsewhere: the hub's --public-url must be how you reach it`;
  throw new Refusal("Elsewhere", { status: 0, message: why });
}

function isOf(url: string, other: string): boolean {
  return URL.canParse(other) && new URL(other).origin === new URL(url).origin;
}

/** Whether a session's token must be renewed before it is used. */
export function isRunOut({ accessUntil }: Session, clock: Pick<Clock, "now">): boolean {
  return accessUntil - MARGIN <= clock.now();
}

/** The same session with a new token. Throws a Refusal when the session is over. */
export async function renewed(session: Session, parts: SessionParts): Promise<Session> {
  const { tokenUrl, refreshToken } = session;
  const answer = await post(tokenUrl, { grant_type: "refresh_token", refresh_token: refreshToken }, parts);
  return { ...session, ...sessionOf(answer, tokenUrl, parts.clock) };
}

/** Ends a session at its issuer: none of its tokens opens anything any more. */
export async function end({ endUrl, refreshToken }: Session, asking: Asking): Promise<void> {
  if (endUrl !== undefined) await post(endUrl, { refresh_token: refreshToken }, asking);
}

async function post(url: string, form: Readonly<Record<string, string>>, { signal, fetch }: Asking): Promise<Shown> {
  const request = {
    method: "POST",
    body: new URLSearchParams({ client_id: CLIENT, ...form }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWERED_WITHIN)]),
  };
  return contentOf(await reach(url, request, fetch));
}

function sessionOf(answer: Shown, tokenUrl: string, clock: Pick<Clock, "now">): Session {
  return {
    tokenUrl,
    accessToken: text(answer, "access_token"),
    accessUntil: clock.now() + Number(answer.expires_in ?? 0) * 1_000,
    refreshToken: text(answer, "refresh_token"),
  };
}

function text(answer: Shown, name: string): string {
  const value = answer[name];
  if (typeof value === "string") return value;
  throw new Refusal("Unknown", { status: 200, message: `the issuer's answer has no ${name}` });
}
