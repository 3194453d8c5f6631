import { Host, Instance } from "@holdfast/protocol";
import { CompiledQuery } from "kysely";
import { expect, test } from "vitest";
import { tableOf } from "../table.ts";
import { openSqliteStore } from "./open.ts";
import { findText, textsOfPart } from "./texts.ts";

test("the instances and the parts of a page of hosts are found by an index, however many there are in all", async () => {
  const store = await openSqliteStore({ path: ":memory:" });
  const parts = tableOf(Host).parts.map((part) => textsOfPart(part).getMany);
  const instances = findText(tableOf(Instance), { tenant_id: "t", host_id: ["host-0000000a", "host-0000000b"] });
  for (const text of [instances, ...parts]) {
    const plan = await store.read(async (view) => {
      const explain = CompiledQuery.raw(`explain query plan ${text}`, ["t", "[]"]);
      return (await view.tables().executeQuery<{ detail: string }>(explain)).rows.map(({ detail }) => detail);
    });
    expect(plan).toContainEqual(expect.stringMatching(/^SEARCH \S+ USING INDEX \S+ \(tenant_id=\? AND host_id=\?\)$/));
    expect(plan).not.toContain("USE TEMP B-TREE FOR ORDER BY");
  }
  await store.close();
});
