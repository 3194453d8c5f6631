import { Refused } from "@holdfast/agent/calls";
import { createDesiredState } from "@holdfast/agent/desired";
import type { Orders } from "@holdfast/agent/orders";
import type { SpoolMessage } from "@holdfast/agent/spool-file";
import { silentLog as log } from "@holdfast/runtime";

/** The machine that an agent's parts are of here. */
export const [SITE, HOST] = ["site-0000000a", "host-0000000b"];

/** A spool that keeps nothing; what is put into it is handed on. */
export function spoolTo(put: (message: SpoolMessage) => void) {
  return {
    ...{ pending: () => undefined, attach: () => undefined, detach: () => undefined, toldDropped: () => undefined },
    ...{ dropped: 0, size: { bytes: 0, messages: 0 } },
    put,
  };
}

/** Of a machine that knows no key of its site: nothing is an order to it. */
export const NO_ORDERS: Orders = { take: () => Promise.reject(new Refused("the order is not signed by the site")) };

/** What that machine was told to be, as it is kept in a folder. */
export function desiredIn(stateDir: string, spool: ReturnType<typeof spoolTo>) {
  return createDesiredState({ log, stateDir, spool, siteId: SITE, hostId: HOST, onApplied: () => undefined });
}
