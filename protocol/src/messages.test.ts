import fc from "fast-check";
import { expect, test } from "vitest";
import { decode, encode, MalformedMessage, MESSAGE_LIMITS } from "./messages.ts";

const heartbeat = { session: "s1", sequence: 7, reportHash: "ab", applied: { incarnation: 1_790_000_000, counter: 3 } };

test("a message survives encoding, and what is absent stays absent", () => {
  expect(decode("Heartbeat", encode("Heartbeat", heartbeat))).toEqual(heartbeat);
  expect(decode("Heartbeat", encode("Heartbeat", { ...heartbeat, uptimeSeconds: 0 }))).toHaveProperty(
    "uptimeSeconds",
    0,
  );
});

test("a plain number of zero comes back as zero, and a report's unknown serial number as absent", () => {
  expect(decode("Heartbeat", encode("Heartbeat", { ...heartbeat, sequence: 0 })).sequence).toBe(0);
  const report = { schema: 1, hash: "", system: {}, storages: [], nics: [], usbs: [], gpus: [], unreadable: [] };
  expect(decode("HardwareReport", encode("HardwareReport", report)).system).toEqual({});
});

test("a plain zero comes back inside other messages too", () => {
  const applied = { incarnation: 0, counter: 0 };
  expect(decode("Heartbeat", encode("Heartbeat", { ...heartbeat, applied })).applied).toEqual(applied);
});

test("enumerations come back by name", () => {
  const reported = { version: { incarnation: 1, counter: 1 }, state: "FAILED" as const, error: "no", generation: 4 };
  expect(decode("Reported", encode("Reported", reported))).toEqual(reported);
});

test("fields of a newer version are ignored", () => {
  const newer = Buffer.concat([encode("Heartbeat", heartbeat), Buffer.from([0xfa, 0x01, 0x02, 0x68, 0x69])]);
  expect(decode("Heartbeat", newer)).toEqual(heartbeat);
});

test("bytes that are no message are refused naming the message", () => {
  expect(() => decode("HardwareReport", Buffer.from([0x0a, 0xff, 0xff]))).toThrow(
    /^HardwareReport: not a valid message/,
  );
});

test("a message above the size limit is refused before it is decoded", () => {
  expect(() => decode("HardwareReport", Buffer.alloc(MESSAGE_LIMITS.bytes + 1))).toThrow(/at most 262144/);
});

test("a text that is too long is refused naming its field", () => {
  const bytes = encode("Call", { arguments: "x".repeat(MESSAGE_LIMITS.stringLength + 1), notAfter: 1 });
  expect(() => decode("Call", bytes)).toThrow(/^Call\.arguments: 16385 characters/);
});

test("too many entries are refused naming their field", () => {
  const unreadable = Array.from({ length: MESSAGE_LIMITS.entries + 1 }, () => "x");
  const bytes = encode("HardwareReport", {
    schema: 1,
    hash: "",
    storages: [],
    nics: [],
    usbs: [],
    gpus: [],
    unreadable,
  });
  expect(() => decode("HardwareReport", bytes)).toThrow(/^HardwareReport\.unreadable: 4097 entries/);
});

test("a 64-bit number that JavaScript cannot hold is refused naming its field", () => {
  const bytes = Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
  expect(() => decode("Call", bytes)).toThrow(/^Call\.notAfter: .* beyond 2\^53/);
});

test("a value of an enum that a later version made says nothing, and what else the message holds is read (rule 23)", () => {
  const version = { incarnation: 1, counter: 2 };
  const bytes = Buffer.from(encode("Reported", { version, state: "APPLIED", generation: 3 }));
  const [state] = [bytes.indexOf(Buffer.from([0x10, 1]))];
  expect(decode("Reported", bytes).state).toBe("APPLIED");
  bytes[state + 1] = 9;
  expect(decode("Reported", bytes)).toEqual({ version, state: "STATE_UNSPECIFIED", generation: 3 });
});

test("fields that a later version added are passed over (rule 23)", () => {
  const known = encode("CallResult", { ok: true, value: "{}", refused: false });
  const later = Buffer.from([((99 << 3) & 0x7f) | 0x80 | 2, (99 << 3) >> 7, 3, 1, 2, 3]);
  expect(decode("CallResult", Buffer.concat([known, later]))).toEqual({ ok: true, value: "{}", refused: false });
});

test("telemetry that is not a number is refused naming its field", () => {
  const points = [{ at: 1, values: { load: Number.NaN } }];
  expect(() => decode("Telemetry", encode("Telemetry", { stream: "s", points, dropped: 0 }))).toThrow(
    /^Telemetry\.points\[0\]\.values\.load: not a finite number/,
  );
});

test("any bytes either decode or are refused as malformed", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) => {
      try {
        decode("HardwareReport", bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessage);
      }
    }),
    { numRuns: 2_000 },
  );
});
