import type { PlantedFault } from "../fault.ts";

/** In the feed, how it is served, and what a site makes of it. */
export const FOLLOWING: readonly PlantedFault[] = [
  {
    name: "offset-skips-one",
    rule: 10,
    breaks: "Whoever comes back is told what is beyond the row after the one that it has.",
    file: "hub/src/shapes/shapes.ts",
    find: `const after = typeof from === "object" ? lastRead(from.offset) : 0;`,
    put: `const after = typeof from === "object" ? lastRead(from.offset) + 1 : 0;`,
  },
  {
    name: "pages-skip",
    foundBy: "hub/src/shapes/page.test.ts",
    rule: 10,
    breaks: "The end of a page is taken for the end of the log.",
    file: "hub/src/shapes/page.ts",
    find: "return tail.complete ? tail.head : (tail.rows.at(-1)?.seq ?? otherwise);",
    put: "return Math.max(tail.head, otherwise);",
  },
  {
    name: "waiters-read-from-the-newest",
    foundBy: "hub/src/shapes/waiters.test.ts",
    rule: 10,
    breaks: "Of several sites that wait for one scope, those that are behind miss what the others have.",
    file: "hub/src/shapes/waiters.ts",
    find: "const after = Math.min(...group.map((waiter) => waiter.after));",
    put: "const after = Math.max(...group.map((waiter) => waiter.after));",
  },
  {
    name: "deletions-not-told",
    rule: 10,
    breaks: "Whoever was away does not hear of what has gone meanwhile.",
    file: "hub/src/shapes/page.ts",
    find: "const messages = tail.rows.map((row) => {",
    put: "const messages = tail.rows.filter(({ body }) => body !== null).map((row) => {",
  },
  {
    name: "position-before-rows",
    foundBy: "site-node/src/replica/pull.test.ts",
    rule: 10,
    breaks: "The position is stored before the rows that lead to it: a crash in between skips them.",
    file: "site-node/src/replica/pull.ts",
    find: "  const taken = await store.write(async (transaction) => {\n",
    put: `  const { scope: of, handle, position: at } = batch;
  await store.write(async (transaction) => {
    const held = siteTables(transaction).updateTable("replica_position").set({ handle, position: at });
    if (asked === (await listening(transaction))) await held.where("scope", "=", of).execute();
  });
  const taken = await store.write(async (transaction) => {
`,
  },
  {
    name: "snapshot-not-swept",
    foundBy: "site-node/src/replica/apply.test.ts",
    rule: 15,
    breaks: "What a whole slice does not name any more stays.",
    file: "site-node/src/replica/apply.ts",
    find: "if (batch.snapshot) await sweep(transaction, batch, touched);",
    put: "",
  },
  {
    name: "parked-forgotten",
    rule: 12,
    breaks: "A row that waits for another is not looked at again when that comes.",
    file: "site-node/src/replica/apply.ts",
    find: "  for (const { kind, id } of parked) touched.add(kind, id);\n",
    put: "",
  },
  {
    name: "oldest-change-counts",
    foundBy: "site-node/src/replica/apply.test.ts",
    rule: 10,
    breaks: "Of several changes of one row in one answer the first is kept.",
    file: "site-node/src/replica/apply.ts",
    find: "slices(changes, LOOKED_AT)) {\n    for (const change of some) last",
    put: "slices(changes.toReversed(), LOOKED_AT)) {\n    for (const change of some) last",
  },
  {
    name: "scope-left-shown",
    happens: "a host is moved",
    rule: 14,
    breaks: "A host that leaves a site's feed is not taken out of it.",
    file: "inventory/src/authority/intent-writes.ts",
    find: "const left = await withdraw(tx, kind, before);",
    put: "const left = await publish(tx, kind, before);",
  },
  {
    name: "deletion-not-in-feed",
    rule: 15,
    breaks: "What is gone at the hub is shown once more in its feed instead of going from it.",
    file: "inventory/src/authority/intent-writes.ts",
    find: "const at = await withdraw(tx, kind, resource);",
    put: "const at = await publish(tx, kind, resource);",
  },
  {
    name: "observations-lost-with-intent",
    rule: 4,
    breaks: "Whenever something else is wanted of a machine, its site forgets what it has seen of it.",
    file: "site-node/src/replica/overlay.ts",
    find: "fields: { ...observations(kind, existing), ",
    put: "fields: { ...observations(kind, undefined), ",
  },
  {
    name: "stale-answer-taken",
    foundBy: "site-node/src/replica/take.test.ts",
    rule: 20,
    breaks: "An answer that was asked for in an earlier life of the hub is taken in this one.",
    file: "site-node/src/replica/take.ts",
    find: `if (asked !== (await listening(transaction))) return { is: "refused", why: "outdated" };`,
    put: "",
  },
  {
    name: "retired-goes-at-once",
    foundBy: "inventory/src/authority/retire.test.ts",
    rule: 12,
    breaks: "An operating system goes while sites that have not heard of it may still be installing from it.",
    file: "inventory/src/authority/retire.ts",
    find: "if (shown && shown.seq > upTo) continue;",
    put: "",
  },
];
