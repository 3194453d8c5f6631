import { CONTACT_EVERY } from "@holdfast/protocol";
import { atMost, type Benchmark, figure } from "./benchmark.ts";
import type { CountingRelay } from "./counting-relay.ts";
import { Fleet } from "./fleet.ts";
import { pause, until } from "./processes.ts";

const LIMIT = 2_000;
const DAY = 86_400;
/** The hub ends a stream after 45 to 60 minutes, so that streams opened together do not end together. */
const RECONNECTS = DAY / (3_600 * 0.875);

export const wanIdle: Benchmark = {
  name: "wan-idle",
  about: "bytes between an idle site of 100 hosts and its hub, for each host in a day",
  async run(run) {
    const hosts = 100;
    const seconds = run.size === "quick" ? 20 : CONTACT_EVERY / 1_000;
    await using fleet = await Fleet.open(run, hosts);
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
    const perHost = (idle * (DAY / seconds) + reconnect * RECONNECTS) / hosts;
    return [
      {
        what: `WAN of an idle site, ${hosts} hosts beating, settings as shipped, counted for ${seconds} s, HTTP without TLS`,
        ours: `${figure(perHost)} bytes a host and day, extrapolated from ${idle} bytes idle, ${fresh} new connections, and ${reconnect} bytes to connect again`,
        peer: `limit ${LIMIT} bytes`,
        ratio: perHost / LIMIT,
        goal: atMost(LIMIT, perHost, " bytes"),
      },
    ];
  },
};

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
