import { Region } from "@holdfast/protocol";
import { openSqliteStore } from "./open.ts";

/**
 * Run by the test of sudden death, as a process of its own: writes one region after another, each with its feed row and
 * history in one transaction, and says on stdout which it was told are durable. Never ends by itself.
 */
const [path, tenant] = process.argv.slice(2);
if (path === undefined || tenant === undefined) throw new Error("which database, which tenant?");
const store = await openSqliteStore({ path });
for (let count = 1; ; count += 1) {
  const id = `region-${count.toString(16).padStart(8, "0")}`;
  await store.write(async (transaction) => {
    const fields = { name: `number ${count}` };
    const bookkeeping = { createdAt: 1, updatedAt: 1, generation: 1, stamps: {}, creation: id };
    await transaction.insert(Region, { tenant, resourceId: id, ...bookkeeping, fields });
    await transaction.appendFeed(`tenant:${tenant}`, "region", id, fields);
    const change = { at: 1, tenant, actor: "hub", kind: "region", id, operation: "create" } as const;
    await transaction.appendChange({ ...change, before: null, after: fields });
    await transaction.setSetting("written", String(count));
  });
  process.stdout.write(`${count}\n`);
}
