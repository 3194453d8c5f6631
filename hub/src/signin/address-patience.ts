import { networkOf } from "@holdfast/inventory/api/network-of";
import { type Clock, hours } from "@holdfast/runtime";
import { keepNewest } from "./keep-newest.ts";
import { type Failures, oneMore, PATIENCE_WITH_ADDRESS } from "./patience.ts";

const ADDRESSES = 10_000;
const AT_HOME = 50_000;

/** For so long after somebody was signed in from an address they are at home there. */
const HOME_FOR = hours(30 * 24);

/** From where somebody comes, and by which name. */
export interface Comer {
  readonly address: string;
  readonly name: string;
}

/**
 * Whoever guesses names as well as passwords waits too, by the address that they come from, or its network. Names that were
 * signed in from there lately neither wait nor make others wait: behind one address there may be a whole office with one
 * guesser in it, and for a name that is known the patience with that name is enough.
 */
export class AddressPatience {
  readonly #clock: Pick<Clock, "monotonic">;
  /** The one that was longest not wrong first. */
  readonly #wrong = new Map<string, Failures>();
  /** When a name was last signed in from an address, the longest ago first. */
  readonly #home = new Map<string, number>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Milliseconds until this name may be tried from there; 0 when it may now. */
  waitFor(comer: Comer): number {
    if (this.isAtHome(comer)) return 0;
    return Math.max(0, (this.#wrong.get(networkOf(comer.address))?.until ?? 0) - this.#clock.monotonic());
  }

  wasWrong(comer: Comer): void {
    if (this.isAtHome(comer)) return;
    const network = networkOf(comer.address);
    const after = oneMore(this.#wrong.get(network), this.#clock.monotonic(), PATIENCE_WITH_ADDRESS);
    keepNewest(this.#wrong, { key: network, value: after, most: ADDRESSES });
  }

  /** A password, or what an earlier one got, was right. */
  wasRight(comer: Comer): void {
    keepNewest(this.#home, { key: placeOf(comer), value: this.#clock.monotonic(), most: AT_HOME });
  }

  isAtHome(comer: Comer): boolean {
    const at = this.#home.get(placeOf(comer));
    return at !== undefined && this.#clock.monotonic() - at < HOME_FOR;
  }
}

/** By what a name at an address is known: no address has a blank. */
export function placeOf({ address, name }: Comer): string {
  return `${networkOf(address)} ${name}`;
}
