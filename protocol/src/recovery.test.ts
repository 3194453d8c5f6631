import { expect, test } from "vitest";
import { siteFingerprint } from "./recovery.ts";

test("a fingerprint is the same for ever: sites and hubs of different versions are compared by it", () => {
  expect(siteFingerprint("hfs_0123456789")).toBe("243f-8762-82b6-bfb5-237a");
  expect(siteFingerprint("hfs_0123456788")).not.toBe(siteFingerprint("hfs_0123456789"));
});
