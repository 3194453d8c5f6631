import { atMost, type Benchmark, figure } from "./benchmark.ts";
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
    // Keep-alives come every 100 s: two of each stream, or the window says nothing of them.
    const seconds = run.size === "quick" ? 20 : 200;
    await using fleet = await Fleet.open(run, hosts);
    await fleet.connectAll(run);
    run.tell(`counting bytes for ${seconds} s`);
    const before = fleet.relay.bytes;
    await pause(seconds * 1_000);
    const idle = fleet.relay.bytes - before;
    run.tell("cutting the link once, to see what connecting again takes");
    fleet.relay.cut();
    await until("the site follows its hub again", async () => (fleet.relay.connections >= 2 ? true : undefined));
    await fleet.quiet();
    const reconnect = fleet.relay.bytes - before - idle;
    const perHost = (idle * (DAY / seconds) + reconnect * RECONNECTS) / hosts;
    return [
      {
        what: `WAN of an idle site, ${hosts} hosts beating, settings as shipped, counted for ${seconds} s, HTTP without TLS`,
        ours: `${figure(perHost)} bytes a host and day, extrapolated from ${idle} bytes idle and ${reconnect} to connect again`,
        peer: `limit ${LIMIT} bytes`,
        ratio: perHost / LIMIT,
        goal: atMost(LIMIT, perHost, " bytes"),
      },
    ];
  },
};
