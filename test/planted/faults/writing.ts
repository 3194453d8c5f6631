import type { PlantedFault } from "../fault.ts";

/** In stamps, overlays and conflicts: what is wanted, by whom, and over what. */
export const WRITING: readonly PlantedFault[] = [
  {
    name: "stamps-not-compared",
    rule: 1,
    breaks: "What a site wants is applied over whatever was written at the hub since.",
    file: "inventory/src/authority/edit.ts",
    find: `if ((before.stamps[field]?.id ?? "") !== base) return "somebody else has written the field";`,
    put: "",
  },
  {
    name: "stamp-of-hub-only",
    rule: 1,
    breaks: "An intent names the hub's stamp also where its author saw an earlier intent of the same site.",
    file: "site-node/src/intents/intents.ts",
    find: `const base = shown?.stamps[field]?.id ?? "";`,
    put: `const row = await siteTables(transaction).selectFrom("replica_row").select("body").where("id", "=", id).orderBy("seq", "desc").executeTakeFirst();
    const base = JSON.parse(row?.body ?? "null")?.stamps[field]?.id ?? shown?.stamps[field]?.id ?? "";`,
  },
  {
    name: "overlay-goes-early",
    rule: 2,
    breaks:
      "A site shows the hub's value again as soon as the hub has taken its own, which the feed does not show yet.",
    file: "site-node/src/replica/apply.ts",
    find: "if (seq !== null && (reached ?? 0) < seq) continue;",
    put: "",
  },
  {
    name: "overlay-never-goes",
    rule: 2,
    breaks: "A site goes on showing its own value when its replica has just reached the hub's word on it.",
    file: "site-node/src/replica/apply.ts",
    find: "if (seq !== null && (reached ?? 0) < seq) continue;",
    put: "if (seq !== null && (reached ?? 0) <= seq) continue;",
  },
  {
    name: "newer-overlay-below-older",
    rule: 2,
    breaks: "Of several changes of one field at a site the oldest shows.",
    file: "site-node/src/replica/materialise.ts",
    find: `.orderBy("number")`,
    put: `.orderBy("number", "desc")`,
  },
  {
    name: "conflict-without-the-value",
    rule: 3,
    breaks: "A conflict is opened and does not hold what the site wanted.",
    file: "hub/src/conflicts/record.ts",
    find: "  await addValue(tx, row, value);\n",
    put: "",
  },
  {
    name: "conflict-values-replaced",
    rule: 3,
    breaks: "The values of one site in a conflict replace one another.",
    file: "hub/src/conflicts/book.ts",
    find: `  const { numInsertedOrUpdatedRows } = await tx
    .tables<HubTables>()
    .insertInto("conflict_value")`,
    put: `  await tx.tables<HubTables>().deleteFrom("conflict_value").where("conflict", "=", id).where("by", "=", value.by).execute();
  const { numInsertedOrUpdatedRows } = await tx
    .tables<HubTables>()
    .insertInto("conflict_value")`,
  },
  {
    name: "choice-drops-the-unseen",
    rule: 3,
    breaks: "A choice made at a site ends the conflict also where its author has not seen all of its values.",
    file: "hub/src/conflicts/conflicts.ts",
    find: "if ((await valuesOf(tx, row)).every(({ write }) => seen.has(write))) {",
    put: "if ((await valuesOf(tx, row)).some(({ write }) => seen.has(write))) {",
  },
  {
    name: "choice-not-written",
    rule: 3,
    breaks: "A conflict ends with a choice, and the chosen value does not stand.",
    file: "hub/src/conflicts/resolve.ts",
    find: "await tx.savepoint(() => authority.settleIn(tx, kind, { tenant, id, actor, fields }));",
    put: "if (chosen.write !== standing) return;",
  },
  {
    name: "closed-conflict-stays",
    rule: 3,
    breaks: "A conflict that is over is not taken out of the feeds of its sites.",
    file: "hub/src/conflicts/show.ts",
    find: "  for (const scope of scopesShown(row)) await tx.appendFeed(scope, ROW.conflict, row.id, null);\n",
    put: "",
  },
  {
    name: "conflict-shown-to-the-loser-alone",
    rule: 3,
    breaks: "The site that manages a machine is not told that two values are wanted of it.",
    file: "hub/src/conflicts/show.ts",
    find: "const concerned = resource?.owner === undefined ? sites : [...sites, resource.owner];",
    put: "const concerned = sites.filter((site) => site !== resource?.owner);",
  },
  {
    name: "plain-write-beside-conflict",
    rule: 3,
    breaks: "What is written of a field while a conflict about it is open is no value of the conflict.",
    file: "hub/src/conflicts/listener.ts",
    find: `if (row.field === "" || !fields.includes(row.field)) continue;`,
    put: `if (row.field === "" || fields.includes(row.field)) continue;`,
  },
  {
    name: "contested-acted-on",
    rule: 3,
    breaks: "A site acts on a field about which a conflict is open.",
    file: "site-node/src/replica/conflicts.ts",
    find: "return open.some(({ body }) => body.field === field || body.field === null);",
    put: "return open.some(({ body }) => body.field === null);",
  },
  {
    name: "revoked-author-believed",
    rule: 6,
    breaks: "What was wanted at a site with a token that was revoked meanwhile is applied.",
    file: "hub/src/tokens/authorise.ts",
    find: `if (row.revoked_at !== null) return "the operator's token is revoked";`,
    put: "",
  },
  {
    name: "revoked-token-still-opens",
    rule: 6,
    breaks: "A site reads once which tokens open it, and not again when the hub has revoked one.",
    file: "site-node/src/access/known-tokens.ts",
    find: "if (at === this.#at) return;",
    put: "if (this.#held.length > 0) return;",
  },
  {
    name: "offline-rights-never-end",
    rule: 6,
    breaks: "An operator's right to work at a cut-off site does not end.",
    file: "site-node/src/access/judge.ts",
    find: "if (now - hubHeardAt <= offlineSeconds * 1_000) return undefined;",
    put: "if (hubHeardAt <= now) return undefined;",
  },
  {
    name: "generation-not-counted",
    rule: 1,
    breaks:
      "The hub does not count a change of intent: whoever saw the row before cannot be told from whoever sees it now.",
    file: "inventory/src/authority/intent-writes.ts",
    find: "const generation = before.generation + 1;",
    put: "const generation = Math.max(before.generation, 2);",
  },
];
