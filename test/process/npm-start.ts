import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const STARTS_WITHIN = 60_000;

/** `npm start`, as a person runs it. */
export class NpmStart {
  readonly home: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #output = "";

  constructor(
    home: string,
    options: readonly string[] = ["--hub-port", "0", "--site-port", "0", "--mqtt-port", "0"],
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.home = home;
    this.#child = spawn("npm", ["start", "--", "--home", home, ...options], {
      cwd: REPOSITORY,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        this.#output += text;
      });
    }
    this.#ended = new Promise((resolve) => this.#child.once("close", (code) => resolve(code)));
  }

  /** All that it has said. */
  get output(): string {
    return this.#output;
  }

  /** Waits until it says that it runs. */
  runs(): Promise<void> {
    return this.says("Holdfast runs.");
  }

  /** Waits until it has said something. */
  async says(text: string, within = STARTS_WITHIN): Promise<void> {
    const deadline = performance.now() + within;
    while (!this.#output.includes(text)) {
      if (this.#child.exitCode !== null || performance.now() > deadline)
        throw new Error(`it has not said "${text}":\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sends npm a signal and waits for its end. Answers the exit code. */
  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return this.ends();
  }

  ends(): Promise<number | null> {
    return this.#ended;
  }

  /** The process below npm that runs the programs. */
  launcherPid(): number {
    const children = readFileSync(`/proc/${this.#child.pid}/task/${this.#child.pid}/children`, "utf8").trim();
    return Number(children.split(" ")[0]);
  }

  get hubUrl(): string {
    return readFileSync(`${this.home}/hub-url`, "utf8").trim();
  }

  get token(): string {
    return readFileSync(`${this.home}/operator-token`, "utf8").trim();
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON the API answers with
  async ask(method: string, path: string, body?: object): Promise<any> {
    const headers = { authorization: `Bearer ${this.token}`, ...(body ? { "content-type": "application/json" } : {}) };
    const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
    return (await fetch(`${this.hubUrl}${path}`, init)).json();
  }
}
