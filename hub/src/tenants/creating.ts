import type { Authority, Transaction } from "@holdfast/inventory";
import { kindNamed } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import type { KnownProject } from "./book.ts";
import { DEFAULTS, type Default } from "./defaults.ts";
import { standAs } from "./listener.ts";

/** How many steps one transaction takes: a commit costs more than a step, and others write in between. */
const AT_ONCE = 8;

/** The steps of a project's creation that are not in its journal, in their order. */
export function stepsAfter(done: ReadonlySet<string>): readonly Default[] {
  return DEFAULTS.filter(({ step }) => !done.has(step));
}

/**
 * Takes the next steps of a project's creation, with their entries in the journal, and says when that was the last. Each step
 * is taken once: what an operator has removed since is not made again. Returns whether there are more.
 */
export async function createOn(
  tx: Transaction,
  authority: Pick<Authority, "createIn">,
  { project, now }: { project: KnownProject; now: number },
): Promise<boolean> {
  const { id: tenant, name } = project;
  const left = stepsAfter(await journal(tx, tenant));
  for (const next of left.slice(0, AT_ONCE)) {
    await make(tx, authority, { tenant, next });
    await tx.tables<HubTables>().insertInto("project_step").values({ tenant, step: next.step, at: now }).execute();
  }
  if (left.length > AT_ONCE) return true;
  await standAs(tx, tenant, { state: "active", now, message: `Project ${name} CREATE is complete` });
  return false;
}

async function make(
  tx: Transaction,
  authority: Pick<Authority, "createIn">,
  { tenant, next }: { tenant: string; next: Default },
): Promise<void> {
  const kind = kindNamed(next.kind);
  if (!kind) throw new TypeError(`${next.step}: there is no kind ${next.kind}`);
  const request = { actor: "hub", tenant, fields: next.fields };
  try {
    await tx.savepoint(() => authority.createIn(tx, kind, request));
  } catch (error) {
    // An operator was faster, and has made one of that name.
    if (!(error instanceof Fault) || error.code !== "FailedPrecondition") throw error;
  }
}

async function journal(tx: Transaction, tenant: string): Promise<ReadonlySet<string>> {
  const rows = await tx
    .tables<HubTables>()
    .selectFrom("project_step")
    .select("step")
    .where("tenant", "=", tenant)
    .execute();
  return new Set(rows.map(({ step }) => step));
}
