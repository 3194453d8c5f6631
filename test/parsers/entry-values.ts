import { KINDS } from "@holdfast/protocol";
import { COMMAND_STATUSES, UPLINK_ENTRIES } from "@holdfast/protocol/entries";
import { mutateJson } from "./mutate/json.ts";
import type { Random } from "./random.ts";
import { recordedEntries } from "./recorded-entries.ts";
import { type Schema, schemaValue } from "./schema-values.ts";
import type { Input } from "./target.ts";

const RECORDED = recordedEntries();
/** Those of one type, for most that is said is state, which is long. */
const BY_TYPE = Object.values(Object.groupBy(RECORDED, (entry) => String((entry as { readonly type: string }).type)));
const SCHEMAS = Object.values(UPLINK_ENTRIES) as unknown as readonly Schema[];

const KNOWN: Readonly<Record<string, readonly Input[]>> = {
  kind: [...KINDS.map(({ name }) => name), "host", "instance"],
  id: ["{host}", "{otherHost}", "{instance}", "{lent}", "{site}", "{region}"],
  hostId: ["{host}", "{otherHost}", "{lent}"],
  field: [
    "name",
    "siteId",
    "metadata",
    "desiredState",
    "desiredPowerState",
    "note",
    "serialNumber",
    "hostStatus",
    "__proto__",
  ],
  status: COMMAND_STATUSES,
  base: ["", "x"],
  token: ["token-0123456789abcdef"],
  value: ["a name", [], "{site}", null, "HOST_STATE_DELETED"],
};

/** What a site says: as it was recorded, or as its schema allows, and often something else. */
export function entryValue(random: Random): Input {
  const entry = random.chance(0.5)
    ? random.pick(random.pick(BY_TYPE) ?? RECORDED)
    : schemaValue(random, random.pick(SCHEMAS), { known: KNOWN });
  const fresh = random.chance(0.5) ? withFreshIds(random, entry) : entry;
  return random.chance(0.6) ? mutateJson(random, fresh) : fresh;
}

/** An intent that came before is not carried out again: most shall be new. */
function withFreshIds(random: Random, entry: Input): Input {
  if (entry === null || typeof entry !== "object" || Array.isArray(entry)) return entry;
  const fresh: Record<string, Input> = { intent: String(random.next()), creation: String(random.next()), id: "{lent}" };
  const isCreate = "type" in entry && entry.type === "create";
  return Object.fromEntries(
    Object.entries(entry).map(([name, value]) => {
      const isFresh = Object.hasOwn(fresh, name) && (name !== "id" || isCreate);
      return [name, isFresh && random.chance(0.9) ? (fresh[name] ?? "") : value];
    }),
  );
}
