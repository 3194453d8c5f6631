import { readFileSync } from "node:fs";
import type { Input } from "./target.ts";

interface Recording {
  readonly ids: Readonly<Record<string, string>>;
  readonly requests: readonly { readonly body: { readonly entries?: readonly Input[] } | null }[];
}

/** The names of a recording's ids, as a fuzzed hub has them. */
const NAMES: Readonly<Record<string, string>> = { secondHost: "otherHost" };

/** What sites have sent to hubs in every version of the protocol that was recorded, with `{host}` for the id of a host. */
export function recordedEntries(): readonly Input[] {
  return ["protocol-1", "protocol-2"].flatMap((version) => {
    const text = readFileSync(new URL(`../wire/${version}/site.json`, import.meta.url), "utf8");
    const { ids } = JSON.parse(text) as Recording;
    let named = text;
    for (const [name, id] of Object.entries(ids)) named = named.replaceAll(id, `{${NAMES[name] ?? name}}`);
    const { requests } = JSON.parse(named) as Recording;
    return requests.flatMap(({ body }) => body?.entries ?? []);
  });
}
