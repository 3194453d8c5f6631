import { expect, test } from "vitest";
import { nameFrom, realSerial, realUuid } from "./machine-identity.ts";
import { type Asking, type Candidate, matchHost } from "./match.ts";

const SITE = "site-0000000a";
const UUID = "4c4c4544-0042-4a10-8054-b4c04f564433";
const OTHER = "5d5d5555-0042-4a10-8054-b4c04f564433";

const host = (id: string, more: Partial<Candidate> = {}): Candidate => ({
  ...{ id, serialNumber: undefined, uuid: undefined, siteId: SITE, owner: SITE, machine: undefined },
  desiredState: "HOST_STATE_ONBOARDED",
  ...more,
});
const asking = (more: Partial<Asking> = {}): Asking => ({
  ...{ site: SITE, machine: "m-1", serialNumber: "SN-1", uuid: UUID, uuidDerived: false, tokenHost: undefined },
  ...more,
});
const known = (id: string, claim = false) => ({ is: "known", id, claim });
const refused = (reason: RegExp) => ({ is: "refused", reason: expect.stringMatching(reason) });

test.each<[string, Asking, Candidate[], unknown]>([
  ["nothing is registered: a new host", asking(), [], { is: "new" }],
  ["others are registered: a new host", asking(), [host("h", { uuid: OTHER, serialNumber: "SN-2" })], { is: "new" }],
  ["its UUID is registered", asking(), [host("h", { uuid: UUID })], known("h")],
  ["its UUID is registered in capitals", asking(), [host("h", { uuid: UUID.toUpperCase() })], known("h")],
  ["its serial number is registered", asking(), [host("h", { serialNumber: "SN-1" })], known("h")],
  [
    "the UUID decides before the serial number",
    asking(),
    [host("s", { serialNumber: "SN-1" }), host("u", { uuid: UUID })],
    known("u"),
  ],
  ["the token decides before all", asking({ tokenHost: "t" }), [host("u", { uuid: UUID }), host("t")], known("t")],
  ["the token names a host not held here", asking({ tokenHost: "t" }), [], refused(/not held here/)],
  ["it was that host before", asking(), [host("h", { machine: "m-1" })], known("h")],
  ["unassigned: claimed", asking(), [host("h", { uuid: UUID, siteId: undefined, owner: undefined })], known("h", true)],
  [
    "unassigned with an empty text: claimed",
    asking(),
    [host("h", { uuid: UUID, siteId: "", owner: undefined })],
    known("h", true),
  ],
  [
    "same UUID, other serial number",
    asking(),
    [host("h", { uuid: UUID, serialNumber: "SN-9" })],
    refused(/another serial/),
  ],
  [
    "same serial number, other UUID",
    asking(),
    [host("h", { uuid: OTHER, serialNumber: "SN-1" })],
    refused(/another UUID/),
  ],
  [
    "a derived UUID contradicts nothing",
    asking({ uuid: OTHER, uuidDerived: true }),
    [host("h", { serialNumber: "SN-1" })],
    known("h"),
  ],
  [
    "two hosts have its serial number",
    asking(),
    [host("a", { serialNumber: "SN-1" }), host("b", { serialNumber: "SN-1" })],
    refused(/several/),
  ],
  [
    "a placeholder serial number matches nobody",
    asking({ serialNumber: "Default string" }),
    [host("h", { serialNumber: "Default string" })],
    { is: "new" },
  ],
  [
    "a shared UUID matches nobody",
    asking({ uuid: "03000200-0400-0500-0006-000700080009", serialNumber: "SN-3" }),
    [host("h", { uuid: "03000200-0400-0500-0006-000700080009" })],
    { is: "new" },
  ],
  ["another machine has the host", asking(), [host("h", { uuid: UUID, machine: "m-2" })], refused(/already/)],
  [
    "another machine has the host, the token names it",
    asking({ tokenHost: "h" }),
    [host("h", { uuid: UUID, machine: "m-2" })],
    known("h"),
  ],
  [
    "the host is being deleted",
    asking(),
    [host("h", { uuid: UUID, desiredState: "HOST_STATE_DELETED" })],
    refused(/deleted/),
  ],
  [
    "the host is not trusted",
    asking(),
    [host("h", { uuid: UUID, desiredState: "HOST_STATE_UNTRUSTED" })],
    refused(/trusted/),
  ],
  [
    "the token names a host that is not trusted",
    asking({ tokenHost: "h" }),
    [host("h", { desiredState: "HOST_STATE_UNTRUSTED" })],
    refused(/trusted/),
  ],
  ["the host is wanted elsewhere", asking(), [host("h", { uuid: UUID, siteId: "site-0000000b" })], refused(/belongs/)],
  ["the host is managed elsewhere", asking(), [host("h", { uuid: UUID, owner: "site-0000000b" })], refused(/managed/)],
])("%s", (_what, machine, candidates, expected) => {
  expect(matchHost(machine, candidates)).toEqual(expected);
});

test.each([
  ["SN-0042", "SN-0042"],
  ["  SN-1 ", "SN-1"],
  ["To be filled by O.E.M.", undefined],
  ["0000000", undefined],
  ["", undefined],
  [undefined, undefined],
])("the serial number %j tells machines apart: %j", (given, expected) => {
  expect(realSerial(given)).toBe(expected);
});

test.each([
  ["4C4C4544-0042-4A10-8054-B4C04F564433", UUID],
  ["FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", undefined],
  ["", undefined],
])("the UUID %j tells machines apart: %j", (given, expected) => {
  expect(realUuid(given)).toBe(expected);
});

test.each([
  ["till-7.shop", "till-7.shop"],
  ["bjørn", "bj-rn"],
  ["<script>", "-script-"],
  ["x".repeat(80), "x".repeat(50)],
  ["", "host-1"],
  ["---", "host-1"],
  [undefined, "host-1"],
])("the host name %j becomes the name %j", (hostname, name) => {
  expect(nameFrom(hostname, "host-1")).toBe(name);
});
