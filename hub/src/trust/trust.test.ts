import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { type Clock, hours, systemClock } from "@holdfast/runtime";
import { rootByFingerprint } from "@holdfast/runtime/pinned-root";
import { fetchTrusting, readRootFile } from "@holdfast/runtime/trusting-fetch";
import { beforeAll, describe, expect, test } from "vitest";
import { startTestHub, type TestHub } from "../hub-harness.ts";
import { datesOf, isDue } from "./server-certificate.ts";

const DAY = hours(24);

/** The real time, or less: `behind` by as much as is said; its sleepers wake when told to. */
class BehindClock implements Clock {
  #behind: number;
  #wakes: (() => void)[] = [];

  constructor(behind: number) {
    this.#behind = behind;
  }

  now = () => Date.now() - this.#behind;
  monotonic = () => performance.now();

  sleep = async (milliseconds: number, signal?: AbortSignal): Promise<void> => {
    if (milliseconds < hours(1)) return systemClock.sleep(milliseconds, signal);
    await new Promise<void>((resolve, reject) => {
      this.#wakes.push(resolve);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  };

  catchUp(): void {
    this.#behind = 0;
    for (const wake of this.#wakes.splice(0)) wake();
  }
}

function opened(url: string, options: ConnectionOptions): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), servername: "localhost", ...options });
  return new Promise((resolve, reject) => {
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Asks something over a connection until the server ends it, and gives the last of what was sent to resume it by. */
async function sessionOf(socket: TLSSocket): Promise<Buffer | undefined> {
  let session: Buffer | undefined;
  socket.on("session", (given) => {
    session = given;
  });
  let answer = "";
  socket.setEncoding("utf8").on("data", (text) => {
    answer += text;
  });
  socket.write("GET /v1/orchestrator HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  await new Promise((resolve) => socket.once("close", resolve));
  expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  return session;
}

const certificateOf = async (url: string, ca: string) => {
  const socket = await opened(url, { ca });
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
};

describe("a hub that speaks TLS", () => {
  // Old enough that its certificate is due once it knows the time.
  const clock = new BehindClock(70 * DAY);
  let hub: TestHub;
  let root: string;
  beforeAll(async () => {
    hub = await startTestHub({ tls: "on", clock });
    root = readFileSync(join(hub.home, "root.pem"), "utf8");
    return () => hub[Symbol.asyncDispose]();
  });

  async function told(): Promise<{ root: { fingerprint: string }; server: { names: string[] } }> {
    const headers = { authorization: `Bearer ${hub.operator}` };
    const answer = await fetchTrusting(root)(`${hub.url}/v1/trust`, { headers });
    return JSON.parse(await answer.text());
  }

  /** What holds of whoever shows a certificate: the first, and one that came later. */
  async function isStrict(): Promise<void> {
    await expect(opened(hub.url, { ca: root, maxVersion: "TLSv1.2" })).rejects.toThrow(/protocol version/);
    const socket = await opened(hub.url, { ca: root });
    expect(socket.getProtocol()).toBe("TLSv1.3");
    const session = await sessionOf(socket);
    const again = await opened(hub.url, { ca: root, ...(session ? { session } : {}) });
    expect(again.isSessionReused()).toBe(false);
    again.destroy();
  }

  test("answers whoever trusts its root, at an address that says https", async () => {
    expect(hub.url).toMatch(/^https:/);
    const answer = await fetchTrusting(root)(`${hub.url}/v1/orchestrator`, {
      headers: { authorization: `Bearer ${hub.operator}` },
    });
    expect(answer.status).toBe(200);
  });

  test("is refused by whoever does not, with what to do", async () => {
    await using other = await startTestHub({ tls: "on" });
    const foreign = readFileSync(join(other.home, "root.pem"), "utf8");
    const asked = fetchTrusting(foreign)(`${hub.url}/v1/orchestrator`);
    await expect(asked).rejects.toThrow(/is not signed by a root that is trusted here: give the root's file/);
    await expect(fetch(`${hub.url}/v1/orchestrator`)).rejects.toThrow();
  });

  test("is refused under a name that its certificate has not, with what to do", async () => {
    await using everywhere = await startTestHub({ tls: "on", listen: "0.0.0.0" });
    const its = readFileSync(join(everywhere.home, "root.pem"), "utf8");
    const asked = fetchTrusting(its)(`https://127.0.0.2:${everywhere.hub.port}/v1/orchestrator`);
    await expect(asked).rejects.toThrow(/is for other names: say this one in the hub's --tls-names/);
  });

  test("speaks TLS 1.3 alone, and lets nobody resume a session", async () => {
    await isStrict();
  });

  test("gets another certificate in time, without a restart, and is as strict with it", async () => {
    const first = await certificateOf(hub.url, root);
    const open = await opened(hub.url, { ca: root });
    clock.catchUp();
    await expect.poll(() => certificateOf(hub.url, root)).not.toBe(first);
    await isStrict();
    // Who was there goes on.
    await sessionOf(open);
  });

  test("tells those who have signed in by what it is known, and nobody else", async () => {
    const trusting = fetchTrusting(root);
    const at = `${hub.url}/v1/trust`;
    expect((await trusting(at)).status).toBe(401);
    const said = await told();
    const fingerprint = await certificateOf(hub.url, root);
    expect(said).toMatchObject({ root: { by: "hub", certificate: root }, server: { fingerprint } });
    expect(said.server.names).toEqual(expect.arrayContaining(["localhost", "127.0.0.1"]));
    expect(JSON.stringify(said)).not.toContain("PRIVATE");
  });

  test("has the same root after a restart, and another certificate", async () => {
    const before = await certificateOf(hub.url, root);
    await hub.restart();
    expect(await certificateOf(hub.url, root)).not.toBe(before);
  });

  describe("and whose root is known by its fingerprint", () => {
    const fingerprint = async () => (await told()).root.fingerprint;

    test("shows that root, and no other", async () => {
      expect(await rootByFingerprint({ url: hub.url, fingerprint: await fingerprint() })).toBe(root);
      const wrong = (await fingerprint()).replace(/^../, (two) => (two === "00" ? "01" : "00"));
      const asked = rootByFingerprint({ url: hub.url, fingerprint: wrong });
      await expect(asked).rejects.toMatchObject({ code: "FailedPrecondition" });
      await expect(asked).rejects.toThrow(/shows the root .*, not 0.*: either the fingerprint is that of another hub/);
    });

    test("is not taken by the fingerprint of the server's own certificate: that changes", async () => {
      const own = await certificateOf(hub.url, root);
      await expect(rootByFingerprint({ url: hub.url, fingerprint: own })).rejects.toThrow(/shows the root/);
    });

    test("an abort stays an abort", async () => {
      const stop = new Error("stop");
      const asked = rootByFingerprint({ url: hub.url, fingerprint: "x", signal: AbortSignal.abort(stop) });
      await expect(asked).rejects.toBe(stop);
    });
  });
});

describe("who is no hub that speaks TLS", () => {
  test("is said to be away, or to speak none", async () => {
    const plain = createServer((_, answer) => answer.end()).listen(0, "127.0.0.1");
    await new Promise((resolve) => plain.once("listening", resolve));
    const { port } = plain.address() as AddressInfo;
    const asked = { url: `https://127.0.0.1:${port}`, fingerprint: "x" };
    await expect(rootByFingerprint(asked)).rejects.toThrow(/does not speak TLS: is it http:\/\/ there\?/);
    await new Promise((resolve) => plain.close(resolve));
    await expect(rootByFingerprint(asked)).rejects.toMatchObject({ code: "Unavailable" });
  });
});

test.each(["on", "at-proxy"] as const)("with --tls %s a hub may be reached from elsewhere", async (tls) => {
  await using hub = await startTestHub({ listen: "0.0.0.0", tls });
  expect(hub.url).toMatch(tls === "on" ? /^https:/ : /^http:/);
});

test("in plain a hub may not, and what to say instead is said", async () => {
  await expect(startTestHub({ listen: "0.0.0.0" })).rejects.toThrow(
    /^--listen 0\.0\.0\.0: plain HTTP is spoken on loopback addresses alone: say --tls on/,
  );
});

describe("dates of a server's certificate", () => {
  const now = Date.UTC(2027, 0, 1);

  test("are ninety days, and no longer than its root is good", () => {
    const far = now + 3_000 * DAY;
    expect(datesOf(now, far).notAfter - now).toBe(90 * DAY);
    expect(datesOf(now, now + DAY).notAfter).toBe(now + DAY);
    expect(datesOf(now, now - DAY)).toEqual({ notBefore: now - DAY, notAfter: now - DAY });
  });

  test("ask for another in their last third, and when a clock was moved before their time", () => {
    const dates = { notBefore: now, notAfter: now + 90 * DAY };
    expect(isDue(dates, now)).toBe(false);
    expect(isDue(dates, now + 60 * DAY - 1)).toBe(false);
    expect(isDue(dates, now + 60 * DAY)).toBe(true);
    expect(isDue(dates, now - 1)).toBe(true);
  });
});

test("a file of a root holds the certificate of one, or is refused by its setting", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-root-file-"));
  const path = join(folder, "root.pem");
  expect(() => readRootFile("--hub-root-file", path)).toThrow(`--hub-root-file ${path}: cannot be read`);
  writeFileSync(path, "nothing");
  expect(() => readRootFile("--hub-root-file", path)).toThrow(`--hub-root-file ${path}: holds no certificate in PEM`);
  rmSync(folder, { recursive: true });
});
