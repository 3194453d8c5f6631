import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { eventually } from "../world/eventually.ts";
import { Wan } from "../world/wan.ts";

/** A hub that says something each second for ever, behind a link. */
async function link() {
  const server: Server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const saying = setInterval(() => response.write("data: tick\n\n"), 1_000);
    response.once("close", () => clearInterval(saying));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const wan = new Wan();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { wan, ask: () => wan.fetch(url), [Symbol.dispose]: () => server.closeAllConnections() };
}

/** How something ends, or that it does not. */
async function end(of: Promise<unknown>): Promise<string> {
  let ended: string | undefined;
  of.then(
    () => (ended = "came through"),
    () => (ended = "broke off"),
  );
  await eventually(() => expect(ended).toBeDefined()).catch(() => undefined);
  return ended ?? "never ended";
}

test("a link that is cut breaks what it carries, also what was begun before it was said to be back", async () => {
  using it = await link();
  const answer = await it.ask();
  it.wan.restore();
  it.wan.cut();
  expect(await end(answer.text())).toBe("broke off");
});

test("a link that is cut breaks what it had stalled in the middle", async () => {
  using it = await link();
  const answer = await it.ask();
  it.wan.stall();
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  it.wan.cut();
  expect(await end(answer.text())).toBe("broke off");
});
