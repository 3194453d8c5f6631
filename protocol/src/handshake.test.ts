import { expect, test } from "vitest";
import { offerFromHeaders, offerHeaders, shakeHands } from "./handshake.ts";

const offer = (version: number, ...capabilities: string[]) => ({ version, capabilities });

test("both sides keep the capabilities that both have", () => {
  expect(shakeHands(offer(1, "a", "b"), offer(1, "b", "c"), "site")).toEqual({
    accepted: true,
    version: 1,
    capabilities: ["b"],
  });
});

test.each([
  ["site", 5, 3, true],
  ["site", 5, 2, false],
  ["agent", 5, 2, true],
  ["agent", 5, 1, false],
  ["site", 5, 6, false],
  ["site", 1, 0, false],
  ["site", 1, 1.5, false],
] as const)("a %s is served by version %i when it speaks %d: %s", (peer, ours, theirs, accepted) => {
  expect(shakeHands(offer(ours), offer(theirs), peer).accepted).toBe(accepted);
});

test("a refusal says which side to upgrade", () => {
  expect(shakeHands(offer(5), offer(1), "agent")).toHaveProperty(
    "reason",
    expect.stringContaining("upgrade the agent"),
  );
  expect(shakeHands(offer(1), offer(2), "site")).toHaveProperty("reason", expect.stringContaining("hub first"));
});

test("an offer survives its headers, and a caller that makes none is at version 0", () => {
  expect(offerFromHeaders(offerHeaders(offer(3, "a", "b")))).toEqual(offer(3, "a", "b"));
  expect(offerFromHeaders({})).toEqual(offer(0));
});
