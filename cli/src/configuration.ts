import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { messageOf, systemCode } from "@holdfast/runtime";
import { renameDurably, writeDurably } from "@holdfast/runtime/durable-file";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";

/** Somebody who signed in with a password: a short-lived token, and what gets the next one. */
export const Session = Type.Object({
  /** Where tokens are asked for. */
  tokenUrl: Type.String(),
  endUrl: Type.Optional(Type.String()),
  accessToken: Type.String(),
  /** Milliseconds since the epoch. */
  accessUntil: Type.Number(),
  refreshToken: Type.String(),
});
export type Session = Static<typeof Session>;

/** What is known of a hub or a site: the project, and either a token that stays or a session. */
export const Endpoint = Type.Object({
  project: Type.Optional(Type.String()),
  token: Type.Optional(Type.String()),
  session: Type.Optional(Session),
  /** The certificate of the root that alone is trusted there, PEM. */
  root: Type.Optional(Type.String()),
});
export type Endpoint = Static<typeof Endpoint>;

const Stored = Type.Object({
  current: Type.Optional(Type.String()),
  endpoints: Type.Record(Type.String(), Endpoint),
});
type Stored = Static<typeof Stored>;

/** What is remembered between two commands, in a file that its owner alone can read. */
export interface Configuration {
  readonly path: string;
  /** URL of where somebody signed in last. */
  current(): string | undefined;
  endpoint(url: string): Endpoint | undefined;
  /** Replaces what is known of an endpoint. */
  remember(url: string, endpoint: Endpoint): void;
  /** Stores a renewed session where it is still the one that is known: who has signed out meanwhile stays so. */
  renew(url: string, session: { readonly before: Session; readonly after: Session }): void;
  makeCurrent(url: string): void;
  forget(url: string): void;
}

/** The configuration of whoever has this environment. Reading throws an error that names the file when it is damaged. */
export function openConfiguration(environment: Readonly<Record<string, string | undefined>>): Configuration {
  const path = join(environment.XDG_CONFIG_HOME || join(environment.HOME || homedir(), ".config"), PLACE);
  const change = (how: (stored: Stored) => Stored) => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Several commands may run at once, and each writes a file of its own first.
    const unfinished = `${path}.${randomUUID()}`;
    writeDurably(unfinished, `${JSON.stringify(how(read(path)), undefined, 2)}\n`);
    renameDurably(unfinished, path);
  };
  return {
    path,
    current: () => read(path).current,
    endpoint: (url) => read(path).endpoints[url],
    remember: (url, endpoint) =>
      change((stored) => ({ ...stored, endpoints: { ...stored.endpoints, [url]: endpoint } })),
    renew: (url, { before, after }) =>
      change((stored) => {
        const known = stored.endpoints[url];
        if (known?.session?.refreshToken !== before.refreshToken) return stored;
        return { ...stored, endpoints: { ...stored.endpoints, [url]: { ...known, session: after } } };
      }),
    makeCurrent: (url) => change((stored) => ({ ...stored, current: url })),
    forget: (url) =>
      change(({ current, endpoints }) => {
        const { [url]: _, ...others } = endpoints;
        return { endpoints: others, ...(current === undefined || current === url ? {} : { current }) };
      }),
  };
}

const PLACE = "holdfast/config.json";

function read(path: string): Stored {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return { endpoints: {} };
    // What a parser quotes of the file may be a piece of a token.
    const reason = cause instanceof SyntaxError ? "is not JSON" : messageOf(cause);
    throw new Error(`${path}: ${reason}`);
  }
  if (!Value.Check(Stored, content)) throw new Error(`${path}: is no configuration of holdfast's commands`);
  return content;
}
