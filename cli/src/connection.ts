import { readFileSync } from "node:fs";
import { messageOf } from "@holdfast/runtime";
import type { Configuration, Endpoint } from "./configuration.ts";
import { UsageError } from "./faults.ts";
import { fetchBy, ROOT_OPTIONS, rootIn } from "./trust.ts";

/** Options of every command that asks a hub or a site. */
export const CONNECTION_OPTIONS = {
  url: { value: "URL", says: "of the hub or the site (HOLDFAST_URL) [where you signed in last]" },
  project: { value: "NAME", says: "or its id (HOLDFAST_PROJECT) [the one you signed in to, or default]" },
  "token-file": { value: "FILE", says: "holds a token and nothing else (HOLDFAST_TOKEN: the token itself)" },
  ...ROOT_OPTIONS,
  token: { value: "TOKEN", says: "better in a file or HOLDFAST_TOKEN: everybody on this machine can read arguments" },
} as const;

export interface ConnectionOptions {
  readonly url?: string;
  readonly project?: string;
  readonly token?: string;
  readonly "token-file"?: string;
  readonly "root-file"?: string;
}

/** Which hub or site is asked, about which project, as whom. */
export interface Connection {
  /** Without a slash at its end. Throws a UsageError when nobody has said which. */
  url(): string;
  project(): string;
  /** A token that was given for this one command; undefined when it is the stored one that counts. */
  givenToken(): string | undefined;
  /** What is stored for this URL, and for no other: a token is not shown to whoever is asked next. */
  stored(): Endpoint | undefined;
  /** By the root that was given, or is stored for this URL; by those of this machine where there is none. */
  fetch(): typeof fetch;
}

export interface ConnectionParts {
  readonly given: ConnectionOptions;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly configuration: Pick<Configuration, "current" | "endpoint">;
}

/** Options first, then variables, then what was stored at the last sign-in. */
export function connectionOf({ given, environment, configuration }: ConnectionParts): Connection {
  const url = () => {
    const said = given.url ?? environment.HOLDFAST_URL ?? configuration.current();
    if (said !== undefined) return endpointUrl(said);
    throw new UsageError("which hub or site? Sign in first (holdfast login URL), or say --url or HOLDFAST_URL");
  };
  const stored = () => configuration.endpoint(url());
  const carried = { fetch: undefined as typeof fetch | undefined };
  return {
    url,
    stored,
    fetch() {
      const file = given["root-file"] ?? environment.HOLDFAST_ROOT_FILE;
      carried.fetch ??= fetchBy(file === undefined ? stored()?.root : rootIn(file));
      return carried.fetch;
    },
    project: () => given.project ?? environment.HOLDFAST_PROJECT ?? stored()?.project ?? "default",
    givenToken() {
      if (given.token !== undefined) return given.token;
      const file = given["token-file"];
      return file === undefined ? environment.HOLDFAST_TOKEN : tokenIn(file);
    },
  };
}

/** The URL of an endpoint as it is stored and asked. Throws a UsageError for what is none. */
export function endpointUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !["http:", "https:"].includes(url.protocol)) {
    throw new UsageError(`"${text}" is no URL of a hub or site, such as https://hub.example.org`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

/** The token that a file holds. Throws a UsageError naming the file. */
export function tokenIn(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new UsageError(`--token-file ${file}: ${messageOf(cause)}`, { cause });
  }
  if (text === "" || /\s/.test(text)) throw new UsageError(`--token-file ${file}: holds no token and nothing else`);
  return text;
}
