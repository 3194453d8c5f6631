import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { openSpool, type SpoolBounds } from "./spool.ts";
import { decodeSpoolFile, type SpoolMessage } from "./spool-file.ts";
import { temporaryDirectory, testLog } from "./testing/agents.ts";
import { until } from "./testing/until.ts";

function message(text: string, more: Partial<SpoolMessage> = {}): SpoolMessage {
  return { leaf: "tele/system", payload: Buffer.from(text), retain: false, ...more };
}

/** A connection that acknowledges when told to. */
function holdingLine() {
  const flying: { text: string; acknowledge: () => void; lose: () => void }[] = [];
  return {
    flying,
    send: ({ payload }: SpoolMessage) =>
      new Promise<void>((resolve, reject) => {
        const leave = () => flying.splice(flying.indexOf(entry), 1);
        const entry = {
          text: Buffer.from(payload).toString(),
          acknowledge: () => {
            leave();
            resolve();
          },
          lose: () => {
            leave();
            reject(new Error("the link was lost"));
          },
        };
        flying.push(entry);
      }),
    texts: () => flying.map(({ text }) => text),
  };
}

function open(directory: string, bounds?: SpoolBounds, log = silentLog) {
  const delivered: string[] = [];
  const onDelivered = ({ payload }: SpoolMessage) => void delivered.push(Buffer.from(payload).toString());
  return { spool: openSpool({ directory, log, onDelivered, ...(bounds && { bounds }) }), delivered };
}

test("messages put while nothing is connected are sent in their order, also by the next process", async () => {
  using directory = temporaryDirectory();
  const first = open(directory.path);
  for (const text of ["one", "two", "three"]) first.spool.put(message(text));

  const { spool, delivered } = open(directory.path);
  spool.attach(async () => undefined);
  await until(() => spool.size.messages === 0, "all are delivered");
  expect(delivered).toEqual(["one", "two", "three"]);
  expect(open(directory.path).spool.size).toEqual({ bytes: 0, messages: 0 });
});

test("at most sixteen messages are on their way at once, and one leaves the disk only when it is acknowledged", async () => {
  using directory = temporaryDirectory();
  const { spool } = open(directory.path);
  for (let count = 0; count < 40; count += 1) spool.put(message(`m${count}`));
  const line = holdingLine();
  spool.attach(line.send);
  expect(line.flying).toHaveLength(16);
  line.flying[0]?.acknowledge();
  await until(() => line.texts().includes("m16"), "the next one follows");
  expect(line.flying).toHaveLength(16);
  expect(open(directory.path).spool.size.messages).toBe(39);
});

test("of one key only the latest unsent message is kept", () => {
  using directory = temporaryDirectory();
  const { spool } = open(directory.path);
  for (const text of ["old", "newer", "newest"]) spool.put(message(text, { key: "hw", note: text }));
  expect(spool.size.messages).toBe(1);
  expect(spool.pending("hw")).toMatchObject({ note: "newest" });
});

test("a message never overtakes one of the same key that is on its way", async () => {
  using directory = temporaryDirectory();
  const { spool } = open(directory.path);
  const line = holdingLine();
  spool.attach(line.send);
  spool.put(message("first", { key: "hw" }));
  spool.put(message("second", { key: "hw" }));
  spool.put(message("third", { key: "hw" }));
  spool.put(message("other", { key: "reported" }));
  expect(line.texts()).toEqual(["first", "other"]);
  line.flying[0]?.acknowledge();
  await until(() => line.texts().includes("third"), "the latest follows");
  expect(line.texts()).toEqual(["other", "third"]);
});

test("what was on its way when the link was lost is sent again through the next", async () => {
  using directory = temporaryDirectory();
  const { spool, delivered } = open(directory.path);
  const line = holdingLine();
  spool.attach(line.send);
  spool.put(message("one"));
  spool.detach();
  line.flying[0]?.lose();
  spool.attach(async () => undefined);
  await until(() => delivered.length === 1, "delivered");
  expect(delivered).toEqual(["one"]);
});

test("the spool stays within its bounds of messages and bytes, dropping the oldest and counting what was measured", () => {
  using directory = temporaryDirectory();
  const { spool } = open(directory.path, { bytes: 2_000, messages: 5 });
  for (let count = 0; count < 8; count += 1) spool.put(message(`m${count}`, { points: 2 }));
  expect(spool.size.messages).toBe(5);
  expect(spool.dropped).toBe(6);
  spool.put(message("x".repeat(1_500), { points: 1 }));
  expect(spool.size.bytes).toBeLessThanOrEqual(2_000);
  const texts = readdirSync(directory.path)
    .filter((name) => name.endsWith(".message"))
    .map((name) => Buffer.from(decodeSpoolFile(readFileSync(join(directory.path, name))).payload).toString());
  expect(texts.at(-1)).toBe("x".repeat(1_500));
  expect(texts).not.toContain("m3");

  const { dropped } = spool;
  expect(open(directory.path).spool.dropped).toBe(dropped);
  spool.toldDropped(dropped);
  expect(open(directory.path).spool.dropped).toBe(0);
});

test("when room is needed, measurements go before states", () => {
  using directory = temporaryDirectory();
  const { spool } = open(directory.path, { bytes: 100_000, messages: 3 });
  spool.put(message("report", { key: "hw" }));
  for (const text of ["a", "b", "c"]) spool.put(message(text, { points: 1 }));
  expect(spool.size.messages).toBe(3);
  expect(spool.pending("hw")).toBeDefined();
});

test("a message cut short on disk is set aside and reported, and the others are sent", async () => {
  using directory = temporaryDirectory();
  const first = open(directory.path).spool;
  for (const text of ["one", "two", "three"]) first.put(message(text));
  truncateSync(join(directory.path, "0000000000000002.message"), 150);
  writeFileSync(join(directory.path, "0000000000000004.message.tmp"), "never finished");

  const { log, lines } = testLog();
  const { spool, delivered } = open(directory.path, undefined, log);
  expect(lines).toEqual([
    expect.objectContaining({ level: 50, msg: "a spooled message is corrupt; it was set aside" }),
  ]);
  spool.attach(async () => undefined);
  await until(() => spool.size.messages === 0, "the whole ones are delivered");
  expect(delivered).toEqual(["one", "three"]);
  expect(readdirSync(directory.path)).toEqual(["0000000000000002.message.corrupt-1"]);
});

test("a message whose bytes were changed on disk is not sent", () => {
  using directory = temporaryDirectory();
  open(directory.path).spool.put(message("pay 100"));
  const path = join(directory.path, "0000000000000001.message");
  writeFileSync(path, readFileSync(path, "utf8").replace("pay 100", "pay 900"));
  expect(open(directory.path).spool.size.messages).toBe(0);
});

test("one message that breaks the connection each time is sent last and alone, and in the end set aside", async () => {
  using directory = temporaryDirectory();
  const { log, lines } = testLog();
  const { spool, delivered } = open(directory.path, undefined, log);
  spool.put(message("poison"));
  spool.put(message("good"));
  for (let connection = 0; connection < 12; connection += 1) {
    const flying: (() => void)[] = [];
    const lose = () => {
      spool.detach();
      for (const reject of flying) reject();
    };
    spool.attach(
      ({ payload }) =>
        new Promise((_resolve, reject) => {
          flying.push(() => reject(new Error("the link was lost")));
          if (Buffer.from(payload).toString() === "poison") setImmediate(lose);
          else setImmediate(() => setImmediate(_resolve));
        }),
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(delivered).toEqual(["good"]);
  expect(spool.size.messages).toBe(0);
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, leaf: "tele/system" }));
});

test("a full disk refuses a message and forgets none, and takes the next when there is room again", async () => {
  using directory = temporaryDirectory();
  const { spool, delivered } = open(directory.path);
  spool.put(message("before"));
  // Whatever is written there is answered as by a full disk.
  symlinkSync("/dev/full", join(directory.path, "0000000000000002.message.tmp"));
  expect(() => spool.put(message("refused"))).toThrow("ENOSPC");
  expect(readdirSync(directory.path)).toEqual(["0000000000000001.message"]);
  spool.put(message("after"));
  spool.attach(async () => undefined);
  await until(() => spool.size.messages === 0, "all are delivered");
  expect(delivered).toEqual(["before", "after"]);
});

test("what was dropped is counted, and the sending goes on, when the disk takes no note of it", () => {
  using directory = temporaryDirectory();
  const { log, lines } = testLog();
  const { spool } = open(directory.path, { bytes: 100_000, messages: 1 }, log);
  symlinkSync("/dev/full", join(directory.path, "dropped.json.tmp"));
  for (const text of ["a", "b"]) spool.put(message(text, { points: 3 }));
  expect(spool.dropped).toBe(3);
  expect(lines).toContainEqual(expect.objectContaining({ level: 40, error: expect.stringContaining("ENOSPC") }));
});

test("a message that is delivered but cannot be removed from the disk is not sent again, and does not stop the others", async () => {
  using directory = temporaryDirectory();
  const { log, lines } = testLog();
  const { spool, delivered } = open(directory.path, undefined, log);
  for (const text of ["one", "two"]) spool.put(message(text));
  const file = join(directory.path, "0000000000000001.message");
  spool.attach(async ({ payload }) => {
    if (Buffer.from(payload).toString() !== "one") return;
    // No file any more, so that no one can unlink it.
    rmSync(file);
    mkdirSync(file);
  });
  await until(() => spool.size.messages === 0, "none is left to be sent");
  expect(delivered.toSorted()).toEqual(["one", "two"]);
  expect(lines).toContainEqual(expect.objectContaining({ level: 40, file }));
});

test("a message that is given up and cannot be set aside is left out, and ends nothing", async () => {
  using directory = temporaryDirectory();
  const { log, lines } = testLog();
  const { spool } = open(directory.path, undefined, log);
  spool.put(message("poison"));
  const file = join(directory.path, "0000000000000001.message");
  for (let connection = 1; connection <= 10; connection += 1) {
    const line = holdingLine();
    spool.attach(line.send);
    expect(line.texts()).toEqual(["poison"]);
    spool.detach();
    if (connection === 10) rmSync(file);
    line.flying[0]?.lose();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(spool.size.messages).toBe(0);
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, leaf: "tele/system" }));
});

test("killed at any moment, the spool opens again with every message it had promised to keep", async () => {
  using directory = temporaryDirectory();
  const source = `
    import { openSpool } from ${JSON.stringify(new URL("./spool.ts", import.meta.url).href)};
    import { silentLog } from "@holdfast/runtime";
    const spool = openSpool({ directory: process.argv[1], log: silentLog });
    for (let count = 1; ; count += 1) {
      spool.put({ leaf: "hw", payload: Buffer.from("m" + count), retain: true, ...(count % 3 ? {} : { key: "hw" }) });
      process.stdout.write(count + "\\n");
    }`;
  let promised = 0;
  for (let round = 0; round < 4; round += 1) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", source, directory.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
    });
    await until(() => said.split("\n").length > 20 + round * 7, "it has put some");
    child.kill("SIGKILL");
    await once(child, "close");
    promised += said.split("\n").filter((line) => line !== "" && Number(line) % 3 !== 0).length;

    const { log, lines } = testLog();
    const { spool } = open(directory.path, undefined, log);
    expect(lines).toEqual([]);
    // One put may have been finished but not said; of the key one message is left.
    expect(spool.size.messages).toBeGreaterThanOrEqual(promised + 1);
    expect(spool.size.messages).toBeLessThanOrEqual(promised + 2 + round);
  }
});
