import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { openIdentity } from "@holdfast/agent/identity";
import { createJobs } from "@holdfast/agent/jobs";
import { createOrders } from "@holdfast/agent/orders";
import { createPower } from "@holdfast/agent/power";
import { openSpool } from "@holdfast/agent/spool";
import { encodeSpoolFile } from "@holdfast/agent/spool-file";
import { readHighWater, writeHighWater } from "@holdfast/hub/disaster/high-water";
import { inspectDatabase } from "@holdfast/hub/disaster/inspect";
import { finishSwap } from "@holdfast/hub/disaster/swap";
import { Fault, silentLog as log, systemClock } from "@holdfast/runtime";
import { readToken } from "@holdfast/site-node/home";
import { mutateBytes } from "../mutate/bytes.ts";
import { mutateJson } from "../mutate/json.ts";
import { desiredIn, HOST, NO_ORDERS, SITE, spoolTo } from "../programs/agent-parts.ts";
import type { Random } from "../random.ts";
import { type Input, mustHold, type Target } from "../target.ts";

interface File {
  readonly path: string;
  readonly whole: Uint8Array;
  /** Opens what the file is of, in a folder that holds nothing else. Returns whether it was believed. */
  open(folder: string): boolean;
}

const SECRET = "hfm_secret";
const text = (value: string) => new Uint8Array(Buffer.from(value));
const json = (value: unknown) => text(JSON.stringify(value));
const MACHINE = "00000000-0000-4000-8000-000000000001";
const KEY = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) };
const VERSION = { incarnation: 1, counter: 1 };
const spool = spoolTo(() => undefined);

const FILES: readonly File[] = [
  {
    path: "machine.json",
    whole: json({ machine: MACHINE }),
    open: (stateDir) => {
      const { machine } = openIdentity(stateDir, log);
      mustHold(/^[0-9a-f-]{16,64}$/.test(machine), "the machine is called what no site takes");
      mustHold(openIdentity(stateDir, log).machine === machine, "the machine is called otherwise the next time");
      return machine === MACHINE;
    },
  },
  {
    path: "enrolment.json",
    whole: json({ hostId: HOST, siteId: SITE, secret: SECRET, mqttPort: 1883, siteUrl: "http://127.0.0.1:8081" }),
    open: (stateDir) => openIdentity(stateDir, log).enrolment !== undefined,
  },
  {
    path: "applied.json",
    whole: json({ siteId: SITE, hostId: HOST, version: VERSION, generation: 1, name: "a", heartbeatSeconds: 10 }),
    open: (stateDir) => {
      const state = desiredIn(stateDir, spool);
      state.receive(new Uint8Array());
      return state.applied !== undefined;
    },
  },
  {
    path: "jobs.json",
    whole: json({ rejected: ["a", "b"] }),
    open: (stateDir) => createJobs({ log, stateDir, spool, orders: NO_ORDERS, work: {} }) !== undefined,
  },
  {
    path: "orders.json",
    whole: json({ keys: [{ siteId: SITE, keyId: "k", key: KEY, sequence: 1 }], taken: ["a"] }),
    open: (stateDir) => {
      const about = { clock: systemClock, log, stateDir, siteUrl: "http://127.0.0.1:1", enrolment: () => undefined };
      return createOrders({ ...about, signal: new AbortController().signal }) !== undefined;
    },
  },
  {
    path: "power.json",
    whole: json({ carriedOut: ["a", "b"] }),
    open: (stateDir) => {
      const order = createPower({ log, stateDir, switchMachine: async () => undefined });
      return (order({ id: "a", action: "off", manner: "orderly" }) as { repeated?: boolean }).repeated === true;
    },
  },
  {
    path: "spool/0000000000000001.message",
    whole: encodeSpoolFile({ leaf: "hw", payload: text("payload"), retain: true, key: "hw", points: 2 }),
    open: (stateDir) => {
      const opened = openSpool({ directory: join(stateDir, "spool"), log });
      opened.put({ leaf: "hb", payload: text("x"), retain: false });
      return opened.size.messages === 2;
    },
  },
  {
    path: "spool/dropped.json",
    whole: json({ points: 3 }),
    open: (stateDir) => openSpool({ directory: join(stateDir, "spool"), log }).dropped === 3,
  },
  {
    path: "high-water",
    whole: json({ epoch: "e", seq: 1, at: 1 }),
    open: (home) => {
      const mark = readHighWater(home);
      if (!mark) return false;
      writeHighWater(home, mark);
      const { epoch, seq, at } = mark;
      mustHold(isDeepStrictEqual(readHighWater(home), { epoch, seq, at }), "the mark cannot be written again");
      return true;
    },
  },
  {
    path: "restore.json",
    whole: json({ aside: "hub.db.before-restore-20261123T080000Z", mark: { epoch: "e", seq: 1, at: 1 } }),
    open: (home) => finishSwap(home) !== undefined,
  },
  {
    path: "token",
    whole: text(`${SECRET}-0123456789\n`),
    open: (home) => readToken(join(home, "token")) !== "",
  },
  {
    path: "hub.db",
    whole: text(`SQLite format 3\u0000${"\u0000".repeat(600)}`),
    open: (home) => inspectDatabase(join(home, "hub.db")) !== undefined,
  },
];

function damaged(random: Random, whole: Uint8Array, path: string): Uint8Array {
  if (random.chance(0.1)) return whole;
  if (!path.endsWith("json") || random.chance(0.4)) return mutateBytes(random, whole);
  return json(mutateJson(random, JSON.parse(Buffer.from(whole).toString()) as Input));
}

/** What programs find on their own disks, which may have been damaged. */
export const FILES_ON_DISK: Target = {
  name: "files",
  about: "a file of a program's own is believed, set aside or refused by a Fault, and what is then written can be read",
  open: async () => {
    const folder = mkdtempSync(`${tmpdir()}/files-`);
    return {
      generate(random): Input {
        const { path, whole } = random.pick(FILES);
        return { path, bytes: damaged(random, whole, path) };
      },
      feed(input) {
        const { path, bytes } = input as { readonly path: string; readonly bytes: Uint8Array };
        const file = FILES.find((each) => each.path === path);
        mustHold(file !== undefined, "there is no such file");
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), bytes);
        try {
          return file.open(folder) ? "accepted" : "refused";
        } catch (error) {
          if (error instanceof Fault && error.message !== "") return "refused";
          throw error;
        }
      },
    };
  },
};
