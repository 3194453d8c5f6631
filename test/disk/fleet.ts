import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteReadOnly } from "@holdfast/runtime/sqlite";
import { Machine } from "./machine.ts";
import { Running } from "./running.ts";

export type ProgramName = "hub" | "site";
export const PROJECT = "/v1/projects/default";

/** What an API answered; status 0 when nobody did. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON the API answers with
  readonly body: any;
}

const DATABASES: Readonly<Record<ProgramName, readonly string[]>> = {
  hub: ["hub.db", "lock.db"],
  site: ["site.db", "broker.db", "lock.db"],
};
const BESIDE: Readonly<Record<ProgramName, readonly string[]>> = {
  hub: ["high-water", "operator-token", "hub-url"],
  site: ["site-url"],
};

/** A hub, a site that follows it, and a machine there: processes and files of their own, in a folder of their own. */
export class Fleet {
  readonly folder: string;
  readonly #running = new Map<ProgramName, Running>();
  readonly #homes: Readonly<Record<ProgramName, string>>;
  readonly #ports = { hub: "0", site: "0", mqtt: "0" };
  readonly #hubOf: Fleet;
  siteId = "";
  #machine: Machine | undefined;

  /** `homes`: where a program is to have its home, when not in the fleet's folder. `hubOf`: whose hub the site follows. */
  constructor({ homes, hubOf }: { homes?: Partial<Record<ProgramName, string>>; hubOf?: Fleet } = {}) {
    this.#hubOf = hubOf ?? this;
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-disk-")));
    this.#homes = { hub: join(this.folder, "hub"), site: join(this.folder, "site"), ...homes };
  }

  home(name: ProgramName): string {
    return this.#homes[name];
  }

  /** Every file that a program keeps in its home, there yet or not. */
  files(name: ProgramName): string[] {
    const home = this.#homes[name];
    const databases = DATABASES[name].flatMap((file) => ["", "-wal", "-shm", "-journal"].map((end) => `${file}${end}`));
    const beside = BESIDE[name].flatMap((file) => [file, `${file}.tmp`]);
    return [home, ...[...databases, ...beside].map((file) => join(home, file))];
  }

  get(name: ProgramName): Running {
    const running = this.#running.get(name);
    if (!running) throw new Error(`the ${name} was not started`);
    return running;
  }

  /** Made, and waiting for its `go`. */
  prepare(name: ProgramName): Running {
    const { hub, site, mqtt } = this.#ports;
    const home = this.#homes[name];
    const given =
      name === "hub"
        ? ["hub", "--home", home, "--hub-port", hub]
        : [
            ...["site", "--home", home, "--hub-url", this.url("hub"), "--site-port", site, "--mqtt-port", mqtt],
            ...["--site-id", this.siteId, "--token-file", join(this.folder, "site-token")],
          ];
    const running = new Running(...given);
    this.#running.set(name, running);
    return running;
  }

  /** Resolves when it serves; the ports that it got are kept for its next start, for others know it by them. */
  async serves(name: ProgramName): Promise<void> {
    const line = await this.get(name).says(name === "hub" ? "the hub answers" : "site-node runs");
    this.#ports[name] = new URL(String(line.url)).port;
    if (name === "site") this.#ports.mqtt = String(line.mqttPort);
  }

  /** Resolves when it serves or has ended, whichever comes first. */
  async servesOrEnds(name: ProgramName): Promise<void> {
    const { ended } = this.get(name);
    await this.serves(name).catch(async () => {
      await ended;
    });
  }

  async start(name: ProgramName): Promise<Running> {
    const running = this.prepare(name).go();
    await this.serves(name);
    return running;
  }

  /** A hub with a region and a site, that site's node, and a machine that is enrolled there. */
  async open(): Promise<this> {
    await this.start("hub");
    await this.addSite();
    await this.start("site");
    this.#machine = await this.#enrol();
    return this;
  }

  /** Makes a site at the hub, in a region of its own, and keeps its token for the site-node. */
  async addSite(): Promise<void> {
    const region = await this.must("hub", "POST", `${PROJECT}/regions`, { name: "north" });
    const site = await this.must("hub", "POST", `${PROJECT}/sites`, { name: "oslo", regionId: region.resourceId });
    this.siteId = site.resourceId;
    const { token } = await this.must("hub", "POST", `${PROJECT}/sites/${this.siteId}/tokens`, {});
    writeFileSync(join(this.folder, "site-token"), token, { mode: 0o600 });
  }

  get machine(): Machine {
    if (!this.#machine) throw new Error("the machine is not enrolled yet");
    return this.#machine;
  }

  url(name: ProgramName): string {
    if (name === "hub" && this.#hubOf !== this) return this.#hubOf.url("hub");
    return `http://127.0.0.1:${this.#ports[name]}`;
  }

  /** The first operator's token, as the hub wrote it down. */
  get token(): string {
    return readFileSync(join(this.#hubOf.home("hub"), "operator-token"), "utf8").trim();
  }

  async ask(at: ProgramName, method: string, path: string, body?: object): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${this.token}`,
      ...(body ? { "content-type": "application/json" } : {}),
    };
    const asked = {
      method,
      headers,
      signal: AbortSignal.timeout(20_000),
      ...(body ? { body: JSON.stringify(body) } : {}),
    };
    try {
      const answer = await fetch(`${this.url(at)}${path}`, asked);
      const text = await answer.text();
      return { status: answer.status, body: text === "" ? undefined : JSON.parse(text) };
    } catch {
      return { status: 0, body: undefined };
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON the API answers with
  async must(at: ProgramName, method: string, path: string, body?: object): Promise<any> {
    const { status, body: answer } = await this.ask(at, method, path, body);
    if (status < 200 || status > 299)
      throw new Error(`${method} ${path} at the ${at}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  /** What SQLite finds wrong with a program's databases: nothing, where all is well. */
  damages(name: ProgramName): string[] {
    return DATABASES[name].flatMap((file) => {
      const database = openSqliteReadOnly(join(this.#homes[name], file));
      try {
        const said = file === "lock.db" ? [] : (database.pragma("integrity_check") as { integrity_check: string }[]);
        const broken = file === "lock.db" ? [] : (database.pragma("foreign_key_check") as object[]);
        return [
          ...said
            .filter(({ integrity_check: line }) => line !== "ok")
            .map((line) => `${file}: ${line.integrity_check}`),
          ...broken.map((row) => `${file}: refers to nothing: ${JSON.stringify(row)}`),
        ];
      } finally {
        database.close();
      }
    });
  }

  async close(): Promise<void> {
    this.#machine?.leave();
    for (const running of this.#running.values()) await running.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #enrol(): Promise<Machine> {
    const { token } = await this.must("hub", "POST", `${PROJECT}/sites/${this.siteId}/enrolment-tokens`, {});
    const request = {
      token,
      machine: "0123456789abcdef0123456789abcdef",
      agent: "0.1.0",
      protocol: 1,
      capabilities: [],
    };
    const deadline = performance.now() + 30_000;
    for (;;) {
      // The token comes with the feed, a moment later.
      const { status, body } = await this.ask("site", "POST", "/v1/enroll", request);
      if (status === 200) {
        const { hostId, siteId, secret } = body;
        return new Machine({ hostId, siteId, secret }, () => Number(this.#ports.mqtt));
      }
      if (performance.now() > deadline)
        throw new Error(`the machine is not admitted: ${status} ${JSON.stringify(body)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
