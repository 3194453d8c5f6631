import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { System } from "@holdfast/protocol/messages";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { smbiosTable } from "../../fixtures/synthetic/smbios-table.ts";
import { directory, manifest, type TreePlan, together, writeTree } from "../../fixtures/synthetic/tree-plan.ts";
import { derivedUuid, distinctive, machineUuid, meaningful } from "./identifiers.ts";
import { publicPart } from "./operating-system.ts";
import { readHardware } from "./read.ts";

const MACHINE_ID = "5b1f0c6e9d8a47323f2e1d0c9b8a7f6e";
const DMI = "/sys/class/dmi/id";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "holdfast-identity-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function systemOf(...plans: TreePlan[]): Promise<System | undefined> {
  await writeTree(together(...plans), root);
  return (await readHardware({ root, now: 0 })).system;
}

describe("a placeholder is no value", () => {
  test.each([
    ...["To be filled by O.E.M.", "To Be Filled By O.E.M", "Default string", "None", "Not Specified", "N/A", "NO DIMM"],
    ...["System Serial Number", "0123456789", "123456789", "1234567890", "........", "   ", "", "Unknown"],
  ])("%j", (text) => {
    expect(meaningful(text)).toBeUndefined();
  });

  test.each(["00000000", "FFFFFFFFFFFF", "0", "0x00000000", "xx-xx", "----"])("%j names no single machine", (text) => {
    expect(distinctive(text)).toBeUndefined();
  });

  test.each(["EX-0042", "10000000a1b2c3d4", ".CN7792194B.", "S64GNE0R602528", "VMware-56 4d 5c"])(
    "%j is one",
    (text) => {
      expect(distinctive(text)).toBe(text);
    },
  );

  test.each([
    "00000000-0000-0000-0000-000000000000",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    "03000200-0400-0500-0006-000700080009",
    "Not Settable",
  ])("%j is no UUID", (text) => {
    expect(machineUuid(text)).toBeUndefined();
  });

  test("a UUID is given in lower case", () => {
    expect(machineUuid("4C4C4544-0042-4D10-8053-B7C04F4E3432\n")).toBe("4c4c4544-0042-4d10-8053-b7c04f4e3432");
  });
});

describe("a machine without a serial number and a UUID", () => {
  test("gets a UUID derived from its machine-id, marked so, the same each time and not showing the machine-id", async () => {
    const system = await systemOf(
      directory(DMI, { product_serial: "Default string", product_uuid: "00000000-0000-0000-0000-000000000000" }),
      directory("/etc", { "machine-id": MACHINE_ID }),
    );
    expect(system?.uuidDerived).toBe(true);
    // For ever: a machine's identity would change with this value.
    expect(system?.uuid).toBe("471edb3e-196e-8c62-8298-0049e156588e");
    expect(JSON.stringify(system)).not.toContain(MACHINE_ID);
  });

  test("has none when its machine-id is not there yet", async () => {
    expect(await systemOf(directory("/etc", { "machine-id": "uninitialized" }))).toBeUndefined();
  });

  test("gets none when its own could not be read: it would change with the agent's rights", async () => {
    const denied = { [`${DMI}/product_uuid`]: "permission denied" };
    const facts = { addresses: {}, neighbours: {} };
    expect(await systemOf(directory("/etc", { "machine-id": MACHINE_ID }), manifest(facts, denied))).toBeUndefined();
  });
});

test("a machine with either needs no derived UUID", async () => {
  const system = await systemOf(
    directory(DMI, { product_serial: "EX-0042" }),
    directory("/etc", { "machine-id": MACHINE_ID }),
  );
  expect(system).toEqual({ serialNumber: "EX-0042" });
});

test("different machine-ids give different UUIDs, and a UUID in its place is kept", () => {
  const uuid = derivedUuid(MACHINE_ID);
  expect(uuid).not.toBe(derivedUuid(MACHINE_ID.replace("5", "4")));
  expect(derivedUuid(uuid ?? "")).toBe(uuid);
  expect(derivedUuid("0".repeat(32))).toBeUndefined();
});

test("placeholders in the firmware's own table are no values either", async () => {
  const table = smbiosTable([
    {
      type: 1,
      handle: 1,
      length: 0x1b,
      strings: { 4: "System manufacturer", 7: "To be filled by O.E.M." },
      raw: { 8: Buffer.alloc(16, 0xff) },
    },
    { type: 3, handle: 3, length: 0x16, bytes: { 5: 2 } },
  ]);
  expect(await systemOf(directory("/sys/firmware/dmi/tables", { DMI: table }))).toEqual({
    uefi: false,
    secureBoot: false,
  });
});

test("secrets on the kernel's command line are not shown, nor what is meant for init", () => {
  expect(publicPart("ro holdfast.token=abc api_key=1 keymap=de wifi.psk=x quiet -- --password=y")).toBe(
    "ro holdfast.token=(removed) api_key=(removed) keymap=de wifi.psk=(removed) quiet",
  );
  expect(publicPart('url=https://user:pw@host/x dyndbg="file a +p; b" luks.passphrase="two words"')).toBe(
    'url=https://user:(removed)@host/x dyndbg="file a +p; b" luks.passphrase=(removed)',
  );
  const once = publicPart("a.token=1 url=ftp://u:p@h/ -- x");
  expect(publicPart(once)).toBe(once);
});
