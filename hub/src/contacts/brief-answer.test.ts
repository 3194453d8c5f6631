import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { startTestHub } from "../hub-harness.ts";

test("what an idle site says, and what it is answered, is small, and the connection is kept", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const socket = connect(hub.hub.port, "127.0.0.1");
  try {
    for (const time of ["first", "second"]) {
      const headers = Object.entries({ ...site.headers, "content-type": "application/json", "content-length": 2 });
      const lines = headers.map(([name, value]) => `${name}: ${value}`);
      socket.write([`POST /v1/sites/${site.id}/contact HTTP/1.1`, "host: h", ...lines, "", "{}"].join("\r\n"));
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect([time, String(answer)]).toEqual([time, expect.stringMatching(/^HTTP\/1.1 200 OK\r\n/)]);
      expect(String(answer)).toContain('{"epoch":"');
      expect(answer.length).toBeLessThan(170);
    }
  } finally {
    socket.destroy();
  }
});
