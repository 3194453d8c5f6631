import type { Transaction } from "@holdfast/inventory";
import type { Resource } from "@holdfast/protocol";
import type { Subject, Value } from "./book.ts";

/** Who wanted something, told apart from the site that vouches for them. */
export interface Author {
  /** `hub`, or the id of a site. */
  readonly by: string;
  readonly actor: string;
}

/** The author that the history names: `site:SITE/ACTOR` for what was wanted at a site. */
export function authorOf(actor: string): Author {
  const [, site, inner] = /^site:(site-[0-9a-f]{8})(?:\/(.+))?$/s.exec(actor) ?? [];
  return site === undefined ? { by: "hub", actor } : { by: site, actor: inner ?? actor };
}

/** Stands for the write of what nobody ever wrote, and of a resource that is not there: it can be chosen too. */
export const NOTHING = "nothing";

/** The id of the write whose value the hub shows. */
export function standingWrite({ field }: Pick<Subject, "field">, resource: Resource | undefined): string {
  if (field === "") return resource?.creation ?? NOTHING;
  return resource?.stamps[field]?.id ?? NOTHING;
}

/** The value that the hub shows, with its author as far as the history tells. */
export async function standingValue(tx: Transaction, about: Subject, now: number): Promise<Value> {
  const { tenant, kind, resourceId, field } = about;
  const resource = await tx.get(kind, tenant, resourceId);
  const write = standingWrite(about, resource);
  const shown = resource && (field === "" ? intentOf(about, resource) : (resource.fields as Fields)[field]);
  const value = JSON.stringify(shown ?? null);
  const author = await historyOf(tx, { tenant, resourceId, write, whole: field === "" });
  const unknown = { by: "hub", actor: "hub", at: resource?.createdAt ?? now };
  return { write, value, reason: null, creation: null, ...(author ?? unknown) };
}

type Fields = Readonly<Record<string, unknown>>;

function intentOf({ kind }: Subject, { fields }: Resource): Fields {
  const shown = Object.entries(fields).filter(([name]) => {
    const field = kind.fields[name];
    return field?.owner === "operator" && !field.secret;
  });
  return Object.fromEntries(shown);
}

interface ChangeLog {
  readonly change_log: {
    readonly seq: number;
    readonly at: number;
    readonly tenant_id: string;
    readonly actor: string;
    readonly resource_id: string;
    readonly write: string | null;
  };
}

interface Told {
  readonly tenant: string;
  readonly resourceId: string;
  readonly write: string;
  readonly whole: boolean;
}

/** Who wrote a value, and when; undefined when the history does not say, as of what an earlier version wrote. */
async function historyOf(tx: Transaction, { tenant, resourceId, write, whole }: Told) {
  if (whole || write === NOTHING) return undefined;
  const row = await tx
    .tables<ChangeLog>()
    .selectFrom("change_log")
    .select(["actor", "at"])
    .where("write", "=", write)
    .where("tenant_id", "=", tenant)
    .where("resource_id", "=", resourceId)
    .executeTakeFirst();
  return row && { ...authorOf(row.actor), at: row.at };
}
