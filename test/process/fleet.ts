import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetchTrusting } from "@holdfast/runtime/trusting-fetch";
import { onTestFinished } from "vitest";
import { holdfast, Program, waitFor } from "./program.ts";

/** The project that every hub begins with. */
export const PROJECT = "/v1/projects/default";

export interface FleetOptions {
  /** The hub speaks TLS, and whoever asks it here trusts its root. */
  readonly tls?: true;
}

/** A hub and perhaps a site-node, each a process on a home of its own. */
export class Fleet {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-fleet-"));
  readonly home = join(this.folder, "hub");
  #hub: Program | undefined;
  #url = "";
  #siteUrl = "";
  #site: Program | undefined;
  #siteWords: readonly string[] = [];
  readonly #tls: readonly string[];

  constructor({ tls }: FleetOptions = {}) {
    this.#tls = tls ? ["--tls", "on"] : [];
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** Answers when the hub does; on the same port each time, for sites know it by its address. */
  async startHub(): Promise<Program> {
    const port = this.#url === "" ? "0" : new URL(this.#url).port;
    const hub = new Program("hub", "--home", this.home, "--hub-port", port, ...this.#tls);
    this.#hub = hub;
    await waitFor("the hub answers", () => (hub.output.includes("the hub answers") ? true : undefined));
    this.#url = readFileSync(join(this.home, "hub-url"), "utf8").trim();
    return hub;
  }

  async endHub(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#hub?.end(signal);
  }

  get hubUrl(): string {
    return this.#url;
  }

  /** A site of the project with a site-node that follows the hub. Answers its id. */
  async startSite(...flags: readonly string[]): Promise<string> {
    const region = await this.ask("POST", `${PROJECT}/regions`, { name: "north" });
    const site = await this.ask("POST", `${PROJECT}/sites`, { name: "oslo", regionId: region.resourceId });
    const id: string = site.resourceId;
    const { token } = await this.ask("POST", `${PROJECT}/sites/${id}/tokens`, {});
    writeFileSync(join(this.folder, "site-token"), token, { mode: 0o600 });
    const home = join(this.folder, "site");
    this.#siteWords = [
      ...["site", "--home", home, "--hub-url", this.#url, "--site-id", id, "--site-port", "0", "--mqtt-port", "0"],
      ...["--token-file", join(this.folder, "site-token"), ...flags],
    ];
    await this.#runSite();
    return id;
  }

  /** The same site-node once more, after an end that it was asked for. */
  async restartSite(): Promise<void> {
    await this.#site?.end("SIGTERM");
    await this.#runSite();
  }

  async #runSite(): Promise<void> {
    const announced = join(this.folder, "site", "site-url");
    rmSync(announced, { force: true });
    this.#site = new Program(...this.#siteWords);
    this.#siteUrl = await waitFor("the site-node answers", () => readFileSync(announced, "utf8").trim());
  }

  /** All that the site-node has said since it was started last. */
  get siteOutput(): string {
    return this.#site?.output ?? "";
  }

  get siteUrl(): string {
    return this.#siteUrl;
  }

  get #fetch(): typeof fetch {
    return this.#tls.length > 0 ? fetchTrusting(readFileSync(join(this.home, "root.pem"), "utf8")) : fetch;
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON the API answers with
  async ask(method: string, path: string, body?: object): Promise<any> {
    const token = readFileSync(join(this.home, "operator-token"), "utf8").trim();
    const headers = { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) };
    const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
    const answer = await this.#fetch(`${this.#url}${path}`, init);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above
  async hosts(): Promise<any[]> {
    return (await this.ask("GET", `${PROJECT}/compute/hosts`)).hosts;
  }

  async hostNames(): Promise<string[]> {
    return (await this.hosts()).map(({ name }) => name).sort();
  }

  async siteStatus(): Promise<{ readonly fingerprint: string; readonly hosts: { readonly held: number } }> {
    const status = await (await fetch(`${this.#siteUrl}/v1/status`)).json();
    return status as { fingerprint: string; hosts: { held: number } };
  }

  siteHolds(count: number): Promise<true> {
    return waitFor(`the site holds ${count} hosts`, async () =>
      (await this.siteStatus()).hosts.held === count ? true : undefined,
    );
  }

  /** A command on the hub's home. */
  run(...words: readonly string[]): Promise<string> {
    return holdfast("hub", ...words, "--home", this.home);
  }
}
