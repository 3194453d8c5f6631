import fc from "fast-check";
import { expect, test } from "vitest";
import { entryPoint, smbiosTable } from "../../fixtures/synthetic/smbios-table.ts";
import { readBmc } from "./bmc.ts";
import { uuidOf, withoutOtherTypes } from "./firmware.ts";
import { readMemory } from "./memory.ts";
import { entryPointVersion, parseTable, stringAt } from "./smbios.ts";
import { readSystem } from "./system.ts";
import { openTree } from "./tree.ts";

const nowhere = openTree({ root: "/nonexistent" });

/** Bytes that look like structures often enough to reach the decoders. */
const almostTable = fc.oneof(
  fc.uint8Array({ maxLength: 512 }),
  fc
    .array(
      fc.record({
        type: fc.constantFrom(0, 1, 2, 3, 4, 16, 17, 38, 42, 127, 200),
        length: fc.nat(255),
        body: fc.uint8Array({ maxLength: 120 }),
        strings: fc.array(fc.string({ maxLength: 12 }), { maxLength: 4 }),
      }),
      { maxLength: 8 },
    )
    .map((parts) =>
      Buffer.concat(
        parts.flatMap(({ type, length, body, strings }) => [
          Buffer.from([type, length, 1, 0]),
          body,
          Buffer.from(`${strings.join("\0")}\0\0`, "latin1"),
        ]),
      ),
    ),
);

test("any bytes give structures that lie one after another inside them, and no error", () => {
  fc.assert(
    fc.property(almostTable, (bytes) => {
      const table = Buffer.from(bytes);
      const raw = parseTable(table).map((structure) => structure.raw);
      const whole = Buffer.concat(raw);
      expect(whole).toEqual(table.subarray(0, whole.length));
      for (const part of raw) expect(part.length).toBeGreaterThanOrEqual(4);
    }),
    { numRuns: 2000 },
  );
});

test("any bytes are read by every reader of the table without an error", async () => {
  await fc.assert(
    fc.asyncProperty(almostTable, fc.constantFrom(0x0205, 0x0303), async (bytes, version) => {
      const firmware = { structures: parseTable(Buffer.from(bytes)), version };
      await Promise.all([readSystem(nowhere, firmware), readMemory(nowhere, firmware), readBmc(nowhere, firmware)]);
    }),
    { numRuns: 1000 },
  );
});

test("taking out the types that nobody reads gives the same structures otherwise, however often", () => {
  fc.assert(
    fc.property(almostTable, (bytes) => {
      const once = withoutOtherTypes(Buffer.from(bytes));
      expect(withoutOtherTypes(once)).toEqual(once);
      const kept = parseTable(Buffer.from(bytes)).filter(({ type }) => type !== 200 && type < 5);
      const read = parseTable(once).filter(({ type }) => type < 5);
      expect(read.map(({ formatted, strings }) => [formatted, strings])).toEqual(
        kept.map(({ formatted, strings }) => [formatted, strings]),
      );
    }),
    { numRuns: 1000 },
  );
});

test("a structure of length 0 ends the table instead of being read for ever", () => {
  const good = smbiosTable([{ type: 2, handle: 1, length: 8, strings: { 4: "Example" } }]).subarray(0, -6);
  const table = Buffer.concat([good, Buffer.from([1, 0, 0, 0, 0, 0]), good]);
  expect(parseTable(table).map(({ type }) => type)).toEqual([2]);
});

test("a table cut off in its last structure or its last string keeps what is whole", () => {
  const table = smbiosTable([
    { type: 0, handle: 0, length: 0x12, strings: { 4: "Maker" } },
    { type: 1, handle: 1, length: 0x1b, strings: { 4: "Example", 7: "SERIAL-9" } },
  ]);
  const inString = parseTable(table.subarray(0, table.indexOf("SERIAL-9") + 3));
  expect(inString.map(({ type }) => type)).toEqual([0, 1]);
  const inFormatted = parseTable(table.subarray(0, table.indexOf("Maker") + 12));
  expect(inFormatted.map(({ type }) => type)).toEqual([0]);
});

test("a string number that no string has is an unknown string", () => {
  const table = smbiosTable([{ type: 1, handle: 1, length: 0x1b, bytes: { 5: 9 }, strings: { 4: "Example" } }]);
  const [system] = parseTable(table);
  expect(system && stringAt(system, 0x04)).toBe("Example");
  expect(system && stringAt(system, 0x05)).toBeUndefined();
  expect(system && stringAt(system, 0x07)).toBeUndefined();
  expect(system && stringAt(system, 0x80)).toBeUndefined();
});

test("the UUID's first three fields are little-endian from SMBIOS 2.6 on, and in network order before", () => {
  const uuid = Buffer.from("00112233445566778899aabbccddeeff", "hex");
  const [system] = parseTable(smbiosTable([{ type: 1, handle: 1, length: 0x1b, raw: { 8: uuid } }]));
  expect(system && uuidOf(system, 0x0206)).toBe("33221100-5544-7766-8899-aabbccddeeff");
  expect(system && uuidOf(system, 0x0205)).toBe("00112233-4455-6677-8899-aabbccddeeff");
});

test("the version is read from both kinds of entry point", () => {
  expect(entryPointVersion(entryPoint(100, 3, 3))).toBe(0x0303);
  expect(entryPointVersion(Buffer.from("_SM_\0\x1f\x02\x05", "latin1"))).toBe(0x0205);
  expect(entryPointVersion(Buffer.from("_SM"))).toBeUndefined();
});
