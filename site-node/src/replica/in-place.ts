import type { View } from "@holdfast/inventory";
import {
  AccessBody,
  AliasBody,
  CommandBody,
  ConflictBody,
  CredentialBody,
  EnrolmentBody,
  HoldBody,
  type HoldReason,
  ROW,
} from "@holdfast/protocol/feed";
import { type Static, type TSchema, Type } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { siteTables } from "../database/tables.ts";

/** A hold holds for whatever reason: one of a later version too. */
const AnyHold = Type.Object({ ...HoldBody.properties, reason: Type.Unsafe<HoldReason>({ type: "string" }) });

/** What a row of each kind must be that is no resource. */
const SHAPES: Readonly<Record<string, Validator>> = {
  [ROW.access]: Compile(AccessBody),
  [ROW.alias]: Compile(AliasBody),
  [ROW.command]: Compile(CommandBody),
  [ROW.conflict]: Compile(ConflictBody),
  [ROW.credential]: Compile(CredentialBody),
  [ROW.enrolment]: Compile(EnrolmentBody),
  [ROW.hold]: Compile(AnyHold),
};

/**
 * Why a row that is no resource cannot be read, such as one with a value that this version does not know; undefined when it
 * can be, and for every other kind of row.
 */
export function unreadableInPlace(kind: string, text: string): string | undefined {
  const shape = Object.hasOwn(SHAPES, kind) ? SHAPES[kind] : undefined;
  if (!shape) return undefined;
  const body = parsed(text);
  if (shape.Check(body)) return undefined;
  const [error] = shape.Errors(body);
  return `this version cannot read it: ${error?.instancePath || "/"} ${error?.message ?? ""}`.slice(0, 300);
}

/**
 * Feed rows that are no resources: they are stored as they came and read where they lie. Rows of a shape that this version
 * cannot read are passed over: they are parked until a version comes that can.
 */
export interface InPlaceRow<B> {
  readonly id: string;
  /** The row's number in its scope's feed. */
  readonly seq: number;
  readonly body: B;
}

/** Operators whom the site lets in by itself, one row a token, by token id. */
export const accessRows = reader(ROW.access, AccessBody);

/** What the hub has ordered of this site's machines, in the order in which it did. */
export const commandRows = reader(ROW.command, CommandBody);

/** Every conflict that the feed shows, also one that this site has resolved and the hub has not closed yet. */
export const conflictRows = reader(ROW.conflict, ConflictBody);

const holds = reader(ROW.hold, AnyHold);
const aliases = reader(ROW.alias, AliasBody);

/** The rows of one kind in the order of the feed; `given` leaves those whose text does not hold it out, before they are read. */
type RowReader<B> = (
  view: View,
  given?: { readonly text?: string; readonly id?: string },
) => Promise<readonly InPlaceRow<B>[]>;

/** Why nothing disruptive may be done at the site; undefined when it may, also because an operator here said so (rule 21). */
export async function holdOf(view: View, site: string): Promise<HoldBody | undefined> {
  const body = (await holds(view, { id: site })).at(-1)?.body;
  if (!body) return undefined;
  const released = await siteTables(view)
    .selectFrom("hold_released")
    .select("hold")
    .where("hold", "=", body.hold)
    .executeTakeFirst();
  return released ? undefined : body;
}

/** Which resource is meant by an id that is no more; undefined for any other id. */
export async function aliasOf(view: View, id: string): Promise<{ kind: string; id: string } | undefined> {
  const body = (await aliases(view, { id })).at(-1)?.body;
  return body && { kind: body.kind, id: body.of };
}

function reader<S extends TSchema>(kind: string, schema: S): RowReader<Static<S>> {
  const shape = Compile(schema);
  return async (view, { text, id } = {}) => {
    let query = siteTables(view)
      .selectFrom("replica_row")
      .select(["id", "seq", "body"])
      .where("kind", "=", kind)
      .where("body", "is not", null);
    if (id !== undefined) query = query.where("id", "=", id);
    if (text !== undefined) query = query.where("body", "like", `%${text.replaceAll(/[%_]/g, "")}%`);
    const rows = await query.orderBy("seq").execute();
    return rows.flatMap(({ id: rowId, seq, body }) => {
      const read = parsed(body ?? "null");
      return shape.Check(read) ? [{ id: rowId, seq, body: read }] : [];
    });
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
