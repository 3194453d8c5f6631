import { OsUpdatePolicy } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { Harness } from "./harness.ts";

const IN_PLACE = [{ updatePackages: "curl" }, { updateSources: ["deb http://x y"] }, { updateKernelCommand: "quiet" }];

test("an update to the latest takes nothing besides", async () => {
  await using hub = await Harness.open();
  const { resourceId: targetOsId } = await hub.os();
  const latest = { name: "latest", updatePolicy: "UPDATE_POLICY_LATEST" };
  await hub.add(OsUpdatePolicy, { ...latest, updatePackages: "", updateSources: [], updateKernelCommand: "" });
  for (const besides of [...IN_PLACE, { targetOsId }]) {
    const refused = { code: "InvalidArgument", fields: Object.keys(besides) };
    await expect(hub.add(OsUpdatePolicy, { ...latest, ...besides })).rejects.toMatchObject(refused);
  }
});

test("an update to a target takes another operating system, or what is updated in place, and not both", async () => {
  await using hub = await Harness.open();
  const { resourceId: targetOsId } = await hub.os();
  const target = { name: "target", updatePolicy: "UPDATE_POLICY_TARGET" };
  await hub.add(OsUpdatePolicy, { ...target, targetOsId });
  await hub.add(OsUpdatePolicy, Object.assign({}, target, ...IN_PLACE));
  for (const inPlace of IN_PLACE) {
    const refused = { code: "InvalidArgument", fields: Object.keys(inPlace) };
    await expect(hub.add(OsUpdatePolicy, { ...target, targetOsId, ...inPlace })).rejects.toMatchObject(refused);
  }
});
