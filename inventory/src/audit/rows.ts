import type { Change, View } from "../store/contract.ts";

/** An entry of the log as it is stored. */
export interface LoggedChange {
  readonly seq: number;
  readonly tenant: string;
  /** The hash that it was given. */
  readonly hash: string;
  /** Throws a SyntaxError when what is stored is no JSON any more. */
  readonly change: () => Change;
}

type Row = Readonly<Record<string, unknown>>;

const PAGE = "select * from change_log where seq > ? order by seq limit ?";

/** The log of every project after a sequence number, oldest first. */
export async function loggedAfter(view: View, seq: number, limit: number): Promise<readonly LoggedChange[]> {
  const rows = await view.rows<Row>(PAGE, [seq, limit]);
  return rows.map((row) => {
    const { seq: number, tenant_id: tenant, hash } = row;
    return { seq: Number(number), tenant: String(tenant), hash: String(hash), change: () => changeOf(row) };
  });
}

/** A row of the table `change_log`. */
export function changeOf(row: Row): Change {
  return {
    seq: Number(row.seq),
    at: Number(row.at),
    tenant: String(row.tenant_id),
    actor: String(row.actor),
    kind: String(row.kind),
    id: String(row.resource_id),
    operation: row.operation as Change["operation"],
    before: fieldsIn(row.before),
    after: fieldsIn(row.after),
    ...textIn("write", row.write),
    ...textIn("token", row.token),
    ...textIn("address", row.address),
    ...textIn("request", row.request),
    ...(row.wanted_at === null || row.wanted_at === undefined ? {} : { wantedAt: Number(row.wanted_at) }),
  };
}

function fieldsIn(stored: unknown): Change["before"] {
  return stored === null ? null : (JSON.parse(String(stored)) as Change["before"]);
}

function textIn<Name extends string>(name: Name, stored: unknown): Partial<Record<Name, string>> {
  return typeof stored === "string" ? ({ [name]: stored } as Record<Name, string>) : {};
}
