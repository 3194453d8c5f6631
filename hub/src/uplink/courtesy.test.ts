import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createCourtesy, watchReaders } from "./courtesy.ts";

/** Each turn of the loop takes a millisecond, or what is given. */
function courtesyAt({ aTurn = 1 } = {}) {
  const clock = { time: 0, monotonic: () => clock.time };
  let turns = 0;
  const turn = async () => {
    turns += 1;
    clock.time += aTurn;
  };
  const courtesy = createCourtesy({ clock, turn });
  /** How many turns others get when the work has taken so long. */
  const turnsAfter = async (worked: number) => {
    clock.time += worked;
    const before = turns;
    await courtesy.giveWay();
    return turns - before;
  };
  return { courtesy, turnsAfter };
}

test("work gives way once it has gone on for a while, and not before", async () => {
  const { turnsAfter } = courtesyAt();
  expect(await turnsAfter(0.4)).toBe(0);
  expect(await turnsAfter(0.4)).toBe(0);
  expect(await turnsAfter(0.4)).toBe(1);
  expect(await turnsAfter(0.4)).toBe(0);
});

test("while somebody asks, work waits; but for asking without end it does not stand still", async () => {
  const { courtesy, turnsAfter } = courtesyAt();
  const answered = courtesy.asking();
  expect(await turnsAfter(1)).toBe(3);
  expect(await turnsAfter(100)).toBe(3);
  answered();
  answered();
  expect(await turnsAfter(1)).toBe(1);
  courtesy.asking();
  expect(await turnsAfter(1)).toBe(3);
});

test("work goes on in the end though somebody asks and no time passes", async () => {
  const { courtesy, turnsAfter } = courtesyAt({ aTurn: 0 });
  courtesy.asking();
  expect(await turnsAfter(1)).toBe(100);
});

test("who reads of the API asks until the answer is out; what sites hold open does not count", async () => {
  let asking = 0;
  let seen = -1;
  const server = createServer((_, response) => {
    setImmediate(() => {
      seen = asking;
      response.end();
    });
  });
  watchReaders(server, {
    asking() {
      asking += 1;
      return () => {
        asking -= 1;
      };
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const ask = (path: string, method = "GET") =>
    new Promise<void>((resolve) => {
      get({ port, path, method, host: "127.0.0.1", agent: false }, (answer) => answer.resume().once("close", resolve));
    });
  await ask("/v1/projects/default/compute/hosts?pageSize=1");
  expect(seen).toBe(1);
  for (const path of ["/v1/shape?table=feed", "/v1/sites/self"]) {
    await ask(path);
    expect(seen).toBe(0);
  }
  await ask("/v1/projects/default/compute/hosts", "POST");
  expect(seen).toBe(0);
  expect(asking).toBe(0);
});
