import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Explorer } from "../disk/explorer.ts";
import { visitFirstStart } from "../disk/first-start.ts";
import { contradictions, GONE, Ledger } from "../disk/ledger.ts";
import { pointOf } from "../disk/points.ts";
import { readCalls, whyNoTrace } from "../disk/strace.ts";

const why = whyNoTrace();

// Where every tool has to be there, a missing one fails the tests instead of leaving them out.
describe.skipIf(why !== undefined && process.env.CI !== "true")(
  `a disk that fails a program${why === undefined ? "" : ` (not tried: ${why})`}`,
  () => {
    let explorer: Explorer;
    beforeAll(async () => {
      explorer = await Explorer.open();
    });
    afterAll(() => explorer?.close());

    async function survives(words: string): Promise<void> {
      const point = pointOf(words);
      const { phase } = point;
      const visited =
        phase === "first-start"
          ? await visitFirstStart(point, explorer.fleet)
          : await explorer.visit({ ...point, phase });
      expect(visited.struck).toBeDefined();
    }

    test.each([
      "hub work kill once pwrite64 hub.db-wal 40",
      "hub work kill once fsync hub.db-wal 3",
      "site work kill once pwrite64 site.db-wal 100",
      "site work kill once fsync broker.db-wal 1",
      "hub stop kill once unlink hub.db-wal 1",
      "hub first-start kill once unlink hub.db-journal 1",
    ])("killed at a write or a flush, it has lost nothing acknowledged and applied nothing half: %s", survives);

    test.each([
      "hub work eio once fsync hub.db-wal 2",
      "hub work enospc once pwrite64 hub.db-wal 30",
      "site work eio once fsync site.db-wal 5",
      "site work enospc once pwrite64 site.db-wal 60",
    ])("refused once by its disk, it says so, goes on, and nothing that it acknowledged is gone: %s", survives);

    test.each([
      "hub work enospc lasting pwrite64 * 1",
      "hub work eio lasting fsync * 1",
      "site work enospc lasting pwrite64 * 4",
      "site work eio lasting fsync * 1",
    ])(
      "while its disk takes nothing it reads and says why it does not write, and then goes on by itself: %s",
      survives,
    );

    test.each(["hub work enospc lasting pwrite64 hub.db 1", "site work eio lasting pwrite64 site.db 1"])(
      "while its log cannot be taken into the database it takes writes, and says that it grows: %s",
      survives,
    );
  },
);

describe("the ledger of what was acknowledged", () => {
  const shown = (...things: [string, string][]) => new Map(things);

  test("finds what is lost, put back, made up, and come back after it was deleted", () => {
    const ledger = new Ledger();
    for (const value of ["a", "b"]) ledger.ask("name", value)("acknowledged");
    ledger.ask("name", "c")("refused");
    expect(contradictions(ledger, shown(["name", "b"]))).toEqual([]);
    expect(contradictions(ledger, shown())).toEqual(["name is not there, and should be b"]);
    for (const wrong of ["a", "c", "d"]) expect(contradictions(ledger, shown(["name", wrong]))).toHaveLength(1);
    ledger.ask("name", GONE)("acknowledged");
    expect(contradictions(ledger, shown())).toEqual([]);
    expect(contradictions(ledger, shown(["name", "b"]))).toHaveLength(1);
  });

  test("allows both of what nobody answered for, and nothing from before the last that somebody did", () => {
    const ledger = new Ledger();
    ledger.ask("name", "a");
    expect(contradictions(ledger, shown())).toEqual([]);
    expect(contradictions(ledger, shown(["name", "a"]))).toEqual([]);
    ledger.ask("name", "b")("acknowledged");
    ledger.ask("name", "c");
    expect(["a", "b", "c"].map((is) => contradictions(ledger, shown(["name", is])).length)).toEqual([1, 0, 0]);
  });
});

test("what strace writes is read: which call, on which file, and whether it was struck", () => {
  const text = [
    '77 pwrite64(22</h/hub.db-wal>, ""..., 24, 0) = 24',
    "77 fsync(22</h/hub.db-wal>)                   = -1 EIO (Input/output error) (INJECTED)",
    '77 rename("/h/high-water.tmp", "/h/high-water") = 0',
    '78 write(5</h/a>, ""..., 1 <unfinished ...>',
    "77 +++ killed by SIGKILL +++",
  ].join("\n");
  expect(readCalls(text)).toEqual([
    { name: "pwrite64", path: "/h/hub.db-wal", struck: false },
    { name: "fsync", path: "/h/hub.db-wal", struck: true },
    { name: "rename", path: "/h/high-water.tmp", struck: false },
    { name: "write", path: "/h/a", struck: false },
  ]);
});
