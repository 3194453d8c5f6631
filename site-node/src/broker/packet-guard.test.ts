import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { until } from "../testing/test-broker.ts";
import { GuardedConnection, PacketRefused, PacketScanner } from "./packet-guard.ts";

const limits = { packetBytes: 1_000, connectBytes: 200 };
const CONNECT = packet(0x10, 10);

function packet(type: number, length: number): Buffer {
  const header = [type];
  let rest = length;
  do {
    header.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length)]);
}

const scanned = (...chunks: Buffer[]) => {
  const scanner = new PacketScanner(limits);
  for (const chunk of chunks) scanner.scan(chunk);
};

test("packets up to the limit pass, however the stream is cut", () => {
  const stream = Buffer.concat([CONNECT, packet(0x30, 997), packet(0xc0, 0), packet(0x30, 127), packet(0x30, 128)]);
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 30 }), (cuts) => {
      const ends = [...new Set([...cuts, stream.length])].sort((a, b) => a - b);
      scanned(...ends.map((end, index) => stream.subarray(ends[index - 1] ?? 0, end)));
    }),
  );
});

test("a packet one byte too long is refused at its header, however the stream is cut", () => {
  const stream = Buffer.concat([CONNECT, packet(0x30, 500), packet(0x30, 998).subarray(0, 3)]);
  fc.assert(
    fc.property(fc.nat(stream.length), (cut) => {
      expect(() => scanned(stream.subarray(0, cut), stream.subarray(cut))).toThrow(PacketRefused);
    }),
  );
});

test("a length of five bytes is refused", () => {
  expect(() => scanned(CONNECT, Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]))).toThrow(/four bytes/);
});

test("a first packet that is no CONNECT is refused", () => {
  expect(() => scanned(packet(0x30, 5))).toThrow(/CONNECT/);
});

test("a CONNECT has a smaller limit", () => {
  expect(() => scanned(packet(0x10, 198))).toThrow(/201 bytes/);
  scanned(packet(0x10, 197));
});

test("of a packet that is too long no more is read than what came with its header", async () => {
  await using pair = await socketPair();
  const guard = new GuardedConnection(pair.server, { packetBytes: 256 * 1024, connectBytes: 1_000 });
  const refused = once(guard, "error");
  let passed = 0;
  guard.on("data", (chunk: Buffer) => {
    passed += chunk.length;
  });
  pair.client.write(CONNECT);
  await until("the CONNECT", () => passed === CONNECT.length);
  pair.client.write(packet(0x30, 10_000_000));
  expect((await refused)[0]).toBeInstanceOf(PacketRefused);
  await until("the socket is closed", () => pair.server.destroyed);
  expect(passed).toBe(CONNECT.length);
  // A read of a socket is at most 64 KiB.
  expect(pair.server.bytesRead).toBeLessThanOrEqual(CONNECT.length + 65_536);
});

test("while it is held a connection is not read, and then it is", async () => {
  await using pair = await socketPair();
  const guard = new GuardedConnection(pair.server, { packetBytes: 100_000_000, connectBytes: 1_000 });
  let passed = 0;
  guard.on("data", (chunk: Buffer) => {
    passed += chunk.length;
  });
  pair.client.write(CONNECT);
  await until("the CONNECT", () => passed === CONNECT.length);
  guard.hold();
  const sent = packet(0x30, 20_000_000);
  pair.client.write(sent);
  await until("the client is stuck", () => pair.client.writableLength > 0);
  const read = pair.server.bytesRead;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(pair.server.bytesRead).toBeLessThanOrEqual(read + 65_536);
  expect(passed).toBeLessThan(sent.length);
  guard.release();
  await until("all of it", () => passed === CONNECT.length + sent.length);
});

async function socketPair(): Promise<{ client: Socket; server: Socket } & AsyncDisposable> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const client = connect(port, "127.0.0.1").on("error", () => undefined);
  const [server] = (await once(listener, "connection")) as [Socket];
  return {
    client,
    server,
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      server.destroy();
      listener.close();
    },
  };
}
