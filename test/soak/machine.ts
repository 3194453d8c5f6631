import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemClock } from "@holdfast/runtime";
import type { Cable } from "./network.ts";
import { Program } from "./program.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

const TREE = fileURLToPath(new URL("../../agent/fixtures/trees/captured-small-vm/", import.meta.url));
const LOOK_EVERY = 200;

export interface MachineOptions {
  readonly name: string;
  readonly folder: string;
  readonly at: readonly string[];
  /** By which its site admits it. */
  readonly token: string;
  readonly cable: Cable;
  readonly sitePort: number;
  /** The broker's, where the agent must be told because its site cannot know; otherwise its site tells it. */
  readonly mqttPort: number | undefined;
  readonly random: Random;
  readonly timeline: Timeline;
}

/** A machine: a copy of the tree of a real one that its agent reads, and a power button. */
export class Machine {
  readonly name: string;
  readonly agent: Program;
  readonly uuid: string;
  readonly cable: Cable;
  readonly #options: MachineOptions;
  readonly #root: string;
  readonly #switched: string;
  #obeyed = 0;
  #isOff = false;
  #hostname = "vm";

  constructor(options: MachineOptions) {
    const { name, folder, random, timeline } = options;
    this.#options = options;
    this.name = name;
    this.cable = options.cable;
    this.#root = `${folder}/root`;
    this.#switched = `${folder}/switched`;
    this.uuid = uuidOf(random);
    this.#furnish();
    this.agent = new Program({
      name,
      timeline,
      at: options.at,
      log: `${folder}/log`,
      arguments: this.#arguments(),
      // Nothing but the stand-in: this machine's own `systemctl` must be out of reach.
      environment: { PATH: `${folder}/bin` },
      isReady: (agent) => agent.printed.includes('"msg":"started"'),
    });
  }

  #furnish(): void {
    const { folder } = this.#options;
    mkdirSync(`${folder}/bin`, { recursive: true });
    mkdirSync(`${folder}/state`);
    cpSync(TREE, this.#root, { recursive: true, verbatimSymlinks: true });
    writeFileSync(`${this.#root}/etc/machine-id`, this.uuid);
    mkdirSync(`${this.#root}/proc/sys/kernel/random`, { recursive: true });
    this.#turnOver();
    writeFileSync(this.#switched, "");
    writeFileSync(`${folder}/token`, this.#options.token, { mode: 0o600 });
    const script = `#!/bin/sh\necho "$1" >> '${this.#switched}'\n`;
    writeFileSync(`${folder}/bin/systemctl`, script);
    chmodSync(`${folder}/bin/systemctl`, 0o755);
  }

  #arguments(): readonly string[] {
    const { folder, cable, sitePort, mqttPort } = this.#options;
    const { host, port } = cable.reaches(sitePort);
    return [
      ...["agent", "run", "--state-dir", `${folder}/state`, "--root", this.#root, "--allow-power"],
      ...["--site-url", `http://${host}:${port}`, "--enrol-token-file", `${folder}/token`],
      ...["--rescan-seconds", "3", "--telemetry-seconds", "10"],
      ...(mqttPort === undefined ? [] : ["--mqtt-port", String(cable.reaches(mqttPort).port)]),
    ];
  }

  /** The host that its agent says it is; undefined until it is admitted. */
  get hostId(): string | undefined {
    try {
      return JSON.parse(readFileSync(`${this.#options.folder}/state/enrolment.json`, "utf8")).hostId;
    } catch {
      return undefined;
    }
  }

  get hostname(): string {
    return this.#hostname;
  }

  /** Its hardware, as far as its agent can see, is another every few seconds, until the signal. */
  async change(signal: AbortSignal): Promise<void> {
    const { random, timeline } = this.#options;
    for (let number = timeline.at; !signal.aborted; number = timeline.at) {
      this.#hostname = `vm-${number}`;
      writeFileSync(`${this.#root}/proc/sys/kernel/hostname`, `${this.#hostname}\n`);
      timeline.count("hardware", this.name, { hostname: this.#hostname });
      await systemClock.sleep(random.between(2_000, 15_000), signal).catch(() => undefined);
    }
  }

  /** How its operating system was told to end, in order: `poweroff` or `reboot`. */
  get switched(): readonly string[] {
    return readFileSync(this.#switched, "utf8").split("\n").filter(Boolean);
  }

  /** Switched off by its own agent, and nobody has pressed the button yet. */
  get isOff(): boolean {
    return this.#isOff;
  }

  #turnOver(): void {
    writeFileSync(`${this.#root}/proc/sys/kernel/random/boot_id`, `${uuidOf(this.#options.random)}\n`);
  }

  /** Does what its operating system is told, until the signal. What is off stays so until somebody is there to press the button. */
  async live(signal: AbortSignal, isSomebodyThere: () => boolean): Promise<void> {
    const { random, timeline } = this.#options;
    while (!signal.aborted) {
      await systemClock.sleep(LOOK_EVERY, signal).catch(() => undefined);
      const action = this.switched[this.#obeyed];
      if (action === undefined || signal.aborted) continue;
      this.#obeyed += 1;
      timeline.count("machine", action, { machine: this.name });
      this.#isOff = action === "poweroff";
      await this.agent.alone(() => this.agent.stop());
      this.#turnOver();
      await systemClock.sleep(this.#isOff ? random.between(1_000, 6_000) : 300, signal).catch(() => undefined);
      while (this.#isOff && !signal.aborted && !isSomebodyThere()) {
        await systemClock.sleep(LOOK_EVERY, signal).catch(() => undefined);
      }
      if (signal.aborted) return;
      this.#isOff = false;
      await this.agent.alone(() => this.agent.start(signal));
    }
  }
}

/** Of version 8 (RFC 9562 §5.8), which a captured machine-id is written as. */
function uuidOf(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.below(16).toString(16)).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
