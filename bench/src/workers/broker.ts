import type { HostId, SiteId } from "@holdfast/protocol/ids";
import { DOWN, hostTopic } from "@holdfast/protocol/topics";
import { silentLog, systemClock } from "@holdfast/runtime";
import { type Broker, startBroker } from "@holdfast/site-node/broker/broker";
import { serve } from "./serve.ts";

interface Options {
  /** A file, or `:memory:`. */
  readonly database: string;
  readonly siteId: SiteId;
}

/** The site's broker, which sends every message of a host back to it as a request. */
serve(async ({ database, siteId }: Options) => {
  const request = DOWN.request("1", "echo");
  const echo = (from: HostId, payload: Uint8Array) =>
    broker.publish(hostTopic(siteId, from, request), payload, { qos: 1 });
  const broker: Broker = await startBroker({
    ...{ siteId, nodeName: siteId, database, clock: systemClock, log: silentLog },
    listen: { host: "127.0.0.1", port: 0 },
    credentials: { admits: () => true },
    onUp: async (from, _message, payload) => echo(from, payload),
    limits: { connectionsPerAddress: 4_096 },
  });
  return { port: () => broker.port, close: () => broker.close() };
});
