import { CONTACT_EVERY } from "@holdfast/protocol";
import { type Benchmark, type Run, underLimit } from "./benchmark.ts";
import type { CountingRelay } from "./counting-relay.ts";
import { Fleet } from "./fleet.ts";
import { pause, until } from "./processes.ts";
import { median } from "./rounds.ts";
import { figure } from "./shown.ts";

const HOSTS = 100;
const DAY = 86_400;
/** The hub ends a stream after 45 to 60 minutes, so that streams opened together do not end together. */
const RECONNECTS = DAY / (3_600 * 0.875);

export const wanIdle: Benchmark = {
  name: "wan-idle",
  about: "bytes between an idle site of 100 hosts and its hub, for each host in a day",
  async run(run) {
    const quick = run.size === "quick";
    const seconds = quick ? 20 : CONTACT_EVERY / 1_000;
    // Side by side, for they mostly wait.
    const rounds = await Promise.all(Array.from({ length: quick ? 1 : 3 }, () => idled(run, seconds)));
    const middle = (value: (round: Idled) => number) => median(rounds.map(value));
    const [idle, reconnect, fresh] = [middle((it) => it.idle), middle((it) => it.reconnect), middle((it) => it.fresh)];
    return [
      underLimit({
        name: "wan-idle",
        what: `WAN of an idle site, ${HOSTS} hosts beating, settings as shipped, counted for ${seconds} s, HTTP without TLS, a host and day`,
        unit: "bytes",
        value: middle(({ perHost }) => perHost),
        more: `extrapolated from ${figure(idle)} bytes idle, ${fresh} new connections, and ${figure(reconnect)} bytes to connect again`,
        limit: 2_000,
      }),
    ];
  },
};

interface Idled {
  readonly perHost: number;
  readonly idle: number;
  /** Connections opened while idle. */
  readonly fresh: number;
  readonly reconnect: number;
}

async function idled(run: Run, seconds: number): Promise<Idled> {
  await using fleet = await Fleet.open(run, HOSTS);
  await fleet.connectAll(run);
  if (run.size !== "quick") {
    run.tell("waiting until the site has said for the first time that it is there: later it says less");
    await contacted(fleet.relay);
  }
  run.tell(`counting bytes for ${seconds} s`);
  const { bytes: before, opened } = fleet.relay;
  await pause(seconds * 1_000);
  const idle = fleet.relay.bytes - before;
  const fresh = fleet.relay.opened - opened;
  run.tell("cutting the link once, to see what connecting again takes");
  fleet.relay.cut();
  await until("the site follows its hub again", async () => (fleet.relay.connections >= 2 ? true : undefined));
  await fleet.quiet();
  const reconnect = fleet.relay.bytes - before - idle;
  return { perHost: (idle * (DAY / seconds) + reconnect * RECONNECTS) / HOSTS, idle, fresh, reconnect };
}

/** More than keep-alives of both streams take, and less than the shortest request with its answer. */
const A_REQUEST = 200;

/** Resolves some seconds after the site's next request, so that a window as long as the time between two holds one of them. */
async function contacted(relay: CountingRelay): Promise<void> {
  const within = (2 * CONTACT_EVERY) / 1_000;
  let before = relay.bytes;
  const jumped = async () => {
    const passed = relay.bytes - before;
    before = relay.bytes;
    return passed > A_REQUEST ? true : undefined;
  };
  await until("the site says that it is there", jumped, within);
  await pause(5_000);
}
