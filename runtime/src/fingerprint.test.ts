import { expect, test } from "vitest";
import { readFingerprint } from "./fingerprint.ts";

const SHOWN = Array.from({ length: 32 }, (_, at) => at.toString(16).padStart(2, "0").toUpperCase()).join(":");

test.each([
  SHOWN,
  SHOWN.toLowerCase(),
  SHOWN.replaceAll(":", ""),
  ` sha256:${SHOWN}\n`,
  `SHA256=${SHOWN}`,
  `sha-256:${SHOWN.replaceAll(":", "")}`,
])("a fingerprint is read however it is written: %j", (text) => {
  expect(readFingerprint(text)).toBe(SHOWN);
});

test.each(["", "abc", SHOWN.slice(3), `${SHOWN}:00`, SHOWN.replace("0A", "0G"), `md5:${SHOWN}`])(
  "what is no fingerprint is none: %j",
  (text) => {
    expect(readFingerprint(text)).toBeUndefined();
  },
);
