import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { answersClearly, endedInWords, settled } from "../disk/checks.ts";
import { Fleet, PROJECT, type ProgramName } from "../disk/fleet.ts";
import { Ledger } from "../disk/ledger.ts";
import { shownAt } from "../disk/work.ts";

const MEBIBYTE = 1024 * 1024;
const HOSTS = `${PROJECT}/compute/hosts`;

/** A disk of 12 MiB of its own, until the test is over. */
function smallDisk(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-small-disk-"));
  onTestFinished(() => {
    spawnSync("umount", ["--lazy", folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=12m,mode=0700", "holdfast", folder]);
  if (status !== 0) throw new Error(`no disk of its own: ${stderr}`);
  return folder;
}

/** Takes all the room that is left on a disk, and gives back how to make room again. */
function fill(disk: string): () => void {
  const ballast = join(disk, "ballast");
  for (const size of [MEBIBYTE, 4096]) {
    try {
      for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: "a" });
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOSPC") throw error;
    }
  }
  return () => rmSync(ballast);
}

/** On a disk that is still full: a program reads, or it says in a sentence that there is no room, and ends. */
async function startsOrSays(fleet: Fleet, name: ProgramName): Promise<void> {
  const running = fleet.prepare(name).go();
  await fleet.servesOrEnds(name);
  if (name === "hub") expect(running.end).toBeUndefined();
  if (running.end) {
    endedInWords(running);
    expect(running.output).toMatch(/^holdfast site: .*full/m);
  } else await shownAt(fleet, name);
}

const mayMount = process.getuid?.() === 0;

describe.skipIf(!mayMount && process.env.CI !== "true")("a full disk (a disk of its own needs root)", () => {
  test.each<ProgramName>(["hub", "site"])(
    "the %s refuses to write saying why, reads on, loses nothing, and goes on by itself when there is room",
    async (name) => {
      const disk = smallDisk();
      const fleet = new Fleet({ homes: { [name]: join(disk, name) } });
      onTestFinished(() => fleet.close());
      await fleet.open();
      const { resourceId } = await fleet.must("hub", "POST", HOSTS, { name: "till", siteId: fleet.siteId });
      const ledger = new Ledger();
      ledger.settle(`host ${resourceId}`, "till");
      await settled(fleet, ledger);
      const rename = async (to: string) => {
        const tell = ledger.ask(`host ${resourceId}`, to);
        const answer = await fleet.ask(name, "PATCH", `${HOSTS}/${resourceId}`, { name: to });
        if (answer.status === 200) tell("acknowledged");
        return answer;
      };

      const makeRoom = fill(disk);
      let [answer, asked] = [await rename("till 0"), 0];
      // What the log has taken up already is its own to use again.
      for (; answer.status === 200 && asked < 2_000; asked += 1) answer = await rename(`till ${asked}`);
      expect(answer).toMatchObject({
        status: 503,
        body: { code: "Unavailable", message: expect.stringMatching(/disk/) },
      });
      await answersClearly(fleet, name, [answer.body.message]);
      expect(ledger.allowed(`host ${resourceId}`)).toContain((await shownAt(fleet, name)).get(`host ${resourceId}`));
      expect(fleet.get(name).end).toBeUndefined();

      await fleet.get(name).kill("SIGKILL");
      await startsOrSays(fleet, name);

      makeRoom();
      if (fleet.get(name).end) await fleet.start(name);
      expect(await rename("till again")).toMatchObject({ status: 200 });
      await settled(fleet, ledger);
      expect(fleet.damages(name)).toEqual([]);
    },
  );
});
