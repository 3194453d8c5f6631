import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { CONTACT_EVERY } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { startTestHub, until } from "../hub-harness.ts";

test("what an idle site says, and what it is answered, is small, and the connection is kept until it comes again", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const connections: Socket[] = [];
  hub.hub.app.server.on("connection", (socket: Socket) => connections.push(socket));
  const socket = connect(hub.hub.port, "127.0.0.1");
  try {
    for (const time of ["first", "second"]) {
      const headers = Object.entries({ ...site.headers, "content-type": "application/json", "content-length": 2 });
      const lines = headers.map(([name, value]) => `${name}: ${value}`);
      socket.write([`POST /v1/sites/${site.id}/contact HTTP/1.1`, "host: h", ...lines, "", "{}"].join("\r\n"));
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect([time, String(answer)]).toEqual([time, expect.stringMatching(/^HTTP\/1.1 200 OK\r\n/)]);
      expect(String(answer)).toContain('{"epoch":"');
      expect(answer.length).toBeLessThan(190);
      const told = Number(/\r\nkeep-alive: timeout=(\d+)\r\n/.exec(String(answer))?.[1]) * 1_000;
      expect(told).toBeGreaterThan(CONTACT_EVERY);
      await until("the hub holds it for longer than it says", () => (connections.at(-1)?.timeout ?? 0) > told);
    }
    expect(connections).toHaveLength(1);
  } finally {
    socket.destroy();
  }
});
