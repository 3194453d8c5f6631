import { expect, test } from "vitest";
import { certificateNames } from "./names.ts";

const ALWAYS = ["localhost", "127.0.0.1", "::1"];
const none = { given: "", listen: "127.0.0.1", publicUrl: undefined, addresses: ["192.0.2.9", "fe80::1%eth0"] };

test("a hub on loopback has this machine's names for itself alone", () => {
  expect(certificateNames(none).toSorted()).toEqual(ALWAYS.toSorted());
});

test("names that are given come first, in small letters, each once, wildcards too", () => {
  const names = certificateNames({
    ...none,
    given: " Hub.Example.org, *.shops.example.org ,, hub.example.org,2001:db8::1",
  });
  expect(names).toEqual(["hub.example.org", "*.shops.example.org", "2001:db8::1", "127.0.0.1", "localhost", "::1"]);
});

test.each([
  ["https://hub.example.org:8443/", "hub.example.org"],
  ["https://[2001:db8::2]/", "2001:db8::2"],
])("the public address %s makes a name", (publicUrl, name) => {
  expect(certificateNames({ ...none, publicUrl })).toContain(name);
});

test("a hub that listens everywhere is known by every address of its machine that a certificate can name", () => {
  expect(certificateNames({ ...none, listen: "0.0.0.0" })).toEqual(["192.0.2.9", ...ALWAYS]);
});

test.each([
  "hub example",
  "https://hub.example.org",
  "-hub",
  "a..b",
  `${"a".repeat(64)}.org`,
  "hub.*.org",
  "fe80::1%eth0",
])("%j is refused as a name, naming the setting", (given) => {
  expect(() => certificateNames({ ...none, given })).toThrow(`--tls-names: "${given.toLowerCase()}" is neither a name`);
});
