import type { View } from "@holdfast/inventory";
import { EnrolmentBody } from "@holdfast/protocol/feed";
import { minutes } from "@holdfast/runtime";
import { Compile } from "typebox/compile";
import { siteTables } from "../database/tables.ts";

const shape = Compile(EnrolmentBody);

/** How long after its use a token still answers the machine that used it, whose answer may have been lost. */
export const ASK_AGAIN_WITHIN = minutes(10);

export type TokenUse =
  | { readonly is: "fresh"; readonly id: string; readonly hostId: string | undefined }
  /** Used by this very machine a moment ago. */
  | { readonly is: "again"; readonly hostId: string }
  | { readonly is: "refused"; readonly reason: "unknown" | "used" | "expired" };

/** What a token with this hash is good for, now and for this machine. */
export async function judgeToken(
  view: View,
  { hash, machine, now }: { hash: string; machine: string; now: number },
): Promise<TokenUse> {
  const tables = siteTables(view);
  const used = await tables.selectFrom("enrolment_used").selectAll().where("token_hash", "=", hash).executeTakeFirst();
  if (used) {
    const again = used.machine === machine && Math.abs(now - used.at) <= ASK_AGAIN_WITHIN;
    return again ? { is: "again", hostId: used.host } : { is: "refused", reason: "used" };
  }
  const rows = await tables
    .selectFrom("replica_row")
    .select(["id", "body"])
    .where("kind", "=", "enrolment")
    .where("body", "like", `%${hash}%`)
    .execute();
  for (const { id, body: text } of rows) {
    const body: unknown = JSON.parse(text ?? "null");
    if (!shape.Check(body) || body.tokenHash !== hash) continue;
    if (now > body.notAfter) return { is: "refused", reason: "expired" };
    return { is: "fresh", id, hostId: body.hostId };
  }
  return { is: "refused", reason: "unknown" };
}
