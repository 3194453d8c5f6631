import fc from "fast-check";
import { expect, test } from "vitest";
import { BERGEN, closed, connectPacket, OSLO, own, TestBroker, until } from "../testing/test-broker.ts";

const connect = connectPacket(OSLO, "hfh_oslo", 30);
/** A fixed header and a body of as many bytes as it says, of whatever content. */
const packet = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 60 }))
  .map(([type, body]) => Buffer.from([type, body.length, ...body]));
const topic = fc.constantFrom(own(OSLO, "status"), own(OSLO, "desired"), "#", "", "$SYS/x", "\u0000", "a".repeat(40));
const text = (value: string): Buffer => Buffer.from([0, Buffer.byteLength(value), ...Buffer.from(value)]);
/** PUBLISH, SUBSCRIBE and UNSUBSCRIBE that are nearly right. */
const nearly = fc
  .tuple(fc.constantFrom(0x30, 0x31, 0x32, 0x33, 0x34, 0x3b, 0x82, 0xa2), topic, fc.uint8Array({ maxLength: 8 }))
  .map(([type, name, rest]) => {
    const id = type >= 0x80 ? Buffer.from([0, 1]) : Buffer.alloc(0);
    const body = Buffer.concat([id, text(name), rest]);
    return Buffer.from([type, body.length, ...body]);
  });
const mangled = fc
  .tuple(fc.nat(connect.length - 1), fc.integer({ min: 0, max: 255 }))
  .map(([at, byte]) => Buffer.concat([connect.subarray(0, at), Buffer.from([byte]), connect.subarray(at + 1)]));

test("no bytes, before or after a CONNECT, end more than their own connection", async () => {
  await using site = await new TestBroker({ limits: { connectTimeout: 1_000 } }).start();
  await using other = await site.connect(BERGEN);
  const stream = fc.tuple(
    fc.oneof(fc.constant(connect), mangled),
    fc.array(fc.oneof(packet, nearly), { maxLength: 6 }),
  );
  await fc.assert(
    fc.asyncProperty(stream, fc.boolean(), async ([first, rest], together) => {
      const socket = await site.socket();
      if (together) socket.write(Buffer.concat([first, ...rest]));
      else for (const bytes of [first, ...rest]) socket.write(bytes);
      // What it makes of them it has made by the time it has answered somebody else.
      await other.mqtt.publishAsync(own(BERGEN, "tele/cpu"), "x", { qos: 1 });
      socket.destroy();
    }),
    { numRuns: 400 },
  );
  expect(closed(other.mqtt)).toBe(false);
  await until("only the other is left", () => site.broker.connected().length === 1);
  expect(site.broker.connected()).toEqual([BERGEN]);
  expect(site.said("the broker failed")).toEqual([]);
  expect(site.heard.filter(({ from, message }) => from !== BERGEN && message.is !== "status")).toEqual([]);
});
