import { Host } from "@holdfast/protocol/kinds/host";
import { expect, test } from "vitest";
import { hostRow, SITE_SCOPE, siteRow, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { withSeen } from "./observe.ts";

const HOST = "host-00000001";

test("a machine that nobody has seen has no sources, also when its site has got further with what is wanted", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
  const host = await site.get(Host, HOST);
  if (!host) throw new Error("the host is not there");
  const reached = withSeen(host, { observedGeneration: 2 }, 5);
  expect(reached).toMatchObject({ observedGeneration: 2 });
  expect(reached).not.toHaveProperty("observedSources");
  const seen = withSeen(host, { fields: { cpuModel: "x" } }, 5);
  expect(seen?.observedSources).toEqual({ hardware: { source: "agent", at: 5 } });
});
