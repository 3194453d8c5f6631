import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { Relay } from "./relay.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function echo(greeting: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end(greeting);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(server);
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function relayTo(target: () => number): Promise<Relay> {
  const relay = await Relay.to(target);
  open.push(relay);
  return relay;
}

async function ask(port: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  return text(socket);
}

test("what is connected to a relay reaches whatever its target is at that moment", async () => {
  const [first, second] = [await echo("first"), await echo("second")];
  let target = first;
  const relay = await relayTo(() => portOf(target));
  expect(await ask(relay.port)).toBe("first");
  target = second;
  expect(await ask(relay.port)).toBe("second");
});

test("a cut relay ends what goes through it and lets nothing through until it is restored", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write("held open");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(server);
  const relay = await relayTo(() => portOf(server));
  const socket = connect(relay.port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "data");
  relay.cut();
  await once(socket, "close");
  const refused = connect(relay.port, "127.0.0.1");
  refused.on("error", () => undefined);
  const heard: unknown[] = [];
  refused.on("data", (bytes) => heard.push(bytes));
  await once(refused, "close");
  expect(heard).toEqual([]);
  relay.restore();
  const again = connect(relay.port, "127.0.0.1");
  expect(String((await once(again, "data"))[0])).toBe("held open");
  again.destroy();
});

test("a relay to where nobody listens ends the connection and goes on", async () => {
  const server = await echo("there");
  const free = await echo("not for long");
  const closed = portOf(free);
  await new Promise((resolve) => free.close(resolve));
  let target = closed;
  const relay = await relayTo(() => target);
  const socket = connect(relay.port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "close");
  target = portOf(server);
  expect(await ask(relay.port)).toBe("there");
});
