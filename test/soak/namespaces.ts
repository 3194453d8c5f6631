import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import type { Cable, Failure, Network, Route } from "./network.ts";

const COMMAND_ENDS_WITHIN = 20_000;
/** A network, mounts and processes of its own: whatever a soak makes is gone with it, however it ends. */
const OWN_WORLD = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
/** By its path, for what it starts has a path of its own to look for programs. */
const NSENTER = "/usr/bin/nsenter";
const TOOLS = ["unshare", NSENTER, "ip", "nft"];

/** What stands before a command that shall have a world of its own; a sentence when that cannot be had here. */
export function ownWorld(): readonly string[] | string {
  if (process.getuid?.() !== 0) return "only root may make network namespaces";
  const missing = TOOLS.filter((tool) => spawnSync(tool, ["--version"]).error);
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  const { status, stderr } = spawnSync("unshare", [...OWN_WORLD, "true"], { encoding: "utf8" });
  return status === 0 ? ["unshare", ...OWN_WORLD] : `network namespaces cannot be had: ${stderr.trim()}`;
}

interface Place {
  readonly file: string;
  /** What arrives at these devices does not get on. */
  readonly failing: Map<string, "drop" | "reject with tcp reset">;
  /** The address by which this process reaches it. */
  readonly host: string;
  applying: Promise<unknown>;
}

/**
 * A network namespace for each place, and pairs of virtual cards between them, cut by nftables. Only for a process that
 * `ownWorld` has started: addresses and names are those of an empty machine.
 */
export async function namespaceNetwork(folder: string): Promise<Network> {
  const places = new Map<string, Place>();
  let pairs = 0;
  mkdirSync(folder, { recursive: true });
  await run("ip", ["link", "set", "lo", "up"]);

  async function pair(near: string | undefined, far: string): Promise<{ readonly near: string; readonly far: string }> {
    const number = pairs;
    pairs += 1;
    const [nearCard, farCard] = [`n${number}`, `f${number}`];
    const address = (host: number) => `10.0.${number >> 6}.${((number << 2) & 255) + host}`;
    await run("ip", ["link", "add", nearCard, "type", "veth", "peer", "name", farCard]);
    for (const [place, card, host] of [
      [near, nearCard, 1],
      [far, farCard, 2],
    ] as const) {
      if (place !== undefined) await run("ip", ["link", "set", card, "netns", fileOf(place)]);
      const at = place === undefined ? [] : enter(place);
      const [file = "ip", ...list] = [...at, "ip", "-batch", "-"];
      const batch = [`addr add ${address(host)}/30 dev ${card}`, `link set ${card} up`];
      await run(file, list, batch.join("\n"));
    }
    return { near: address(1), far: address(2) };
  }

  function placeOf(name: string): Place {
    const place = places.get(name);
    if (!place) throw new Error(`there is no place called ${name}`);
    return place;
  }

  const fileOf = (name: string) => placeOf(name).file;
  const enter = (name: string) => [NSENTER, `--net=${fileOf(name)}`];

  /** One change after the other, each of them whole. */
  function apply(name: string): Promise<unknown> {
    const place = placeOf(name);
    place.applying = place.applying.then(async () => {
      const rules = [...place.failing].map(([card, verdict]) => `    iifname "${card}" meta l4proto tcp ${verdict}`);
      const [file = "nft", ...list] = [...enter(name), "nft", "-f", "-"];
      await run(file, list, ruleset(rules));
    });
    return place.applying;
  }

  async function lay({ name, near, far }: Route): Promise<Cable> {
    const number = pairs;
    const address = await pair(near, far);
    const ends = [
      [near, `n${number}`],
      [far, `f${number}`],
    ] as const;
    return {
      name,
      reaches: (port) => ({ host: address.far, port }),
      fail: async (how: Failure) => {
        // As a closed port: who asks hears so, and who was being talked to hears nothing more.
        if (how === "refusing") placeOf(far).failing.set(ends[1][1], "reject with tcp reset");
        else for (const [place, card] of ends) placeOf(place).failing.set(card, "drop");
        await Promise.all(ends.map(([place]) => apply(place)));
      },
      mend: async () => {
        for (const [place, card] of ends) placeOf(place).failing.delete(card);
        await Promise.all(ends.map(([place]) => apply(place)));
      },
    };
  }

  async function place(name: string): Promise<readonly string[]> {
    const file = `${folder}/${name}`;
    writeFileSync(file, "");
    await run("unshare", [`--net=${file}`, "true"]);
    places.set(name, { file, failing: new Map(), host: "", applying: Promise.resolve() });
    await run(NSENTER, [`--net=${file}`, "ip", "link", "set", "lo", "up"]);
    const { far } = await pair(undefined, name);
    places.set(name, { ...placeOf(name), host: far });
    return enter(name);
  }

  return {
    about: "a network namespace for each program, cut by nftables",
    listen: "0.0.0.0",
    keepsPorts: true,
    port: async (own) => own,
    place,
    hostOf: (name) => placeOf(name).host,
    lay,
    // All else ends with this process.
    close: async () => {
      for (const { file } of places.values()) await run("umount", ["--lazy", file]);
    },
  };
}

function ruleset(rules: readonly string[]): string {
  const chain = ["  chain arriving {", "    type filter hook input priority 0; policy accept;", ...rules, "  }"];
  return ["table inet soak", "delete table inet soak", "table inet soak {", ...chain, "}", ""].join("\n");
}

function run(file: string, list: readonly string[], input = ""): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, [...list], { timeout: COMMAND_ENDS_WITHIN }, (error, _, said) => {
      if (error) reject(new Error(`${[file, ...list].join(" ")}: ${said.trim() || error.message}`));
      else resolve();
    });
    // Most of these commands read nothing, and may have ended by now.
    child.stdin?.on("error", () => undefined).end(input);
  });
}
