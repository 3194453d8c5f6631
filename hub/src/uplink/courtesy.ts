import type { Server } from "node:http";
import { type Clock, nextTurn } from "@holdfast/runtime";

/** Milliseconds of work after which others may go first. */
const SLICE = 1;
/** How many times as long as the work took it waits at most, so that readers without end do not stop it. */
const PATIENCE = 3;
/** And for how many turns at most: who asks may wait for something else, and turns in which nothing happens take no time. */
const TURNS = 100;

/** Lets those who only ask something go before work that takes long and can wait. */
export interface Courtesy {
  /** Called between the parts of such work; resolves when it may go on, and that is soon. */
  giveWay(): Promise<void>;
  /** Somebody asks, until what is returned is called. */
  asking(): () => void;
}

interface CourtesyOptions {
  readonly clock: Pick<Clock, "monotonic">;
  readonly turn?: () => Promise<void>;
}

export function createCourtesy({ clock, turn = nextTurn }: CourtesyOptions): Courtesy {
  let asking = 0;
  let since = clock.monotonic();
  return {
    async giveWay() {
      const worked = clock.monotonic() - since;
      if (worked < SLICE) return;
      const until = clock.monotonic() + PATIENCE * Math.min(worked, SLICE);
      let turns = 0;
      do {
        await turn();
        turns += 1;
      } while (asking > 0 && turns < TURNS && clock.monotonic() < until);
      since = clock.monotonic();
    },
    asking() {
      asking += 1;
      let isAsking = true;
      return () => {
        if (isAsking) asking -= 1;
        isAsking = false;
      };
    },
  };
}

/** Whoever reads of the API asks. Sites do not: what they follow is held open, and what they send is the work that can wait. */
export function watchReaders(server: Server, courtesy: Pick<Courtesy, "asking">): void {
  server.on("request", ({ method, url = "" }, response) => {
    if (method !== "GET" || url.startsWith("/v1/shape") || url.startsWith("/v1/sites/")) return;
    response.once("close", courtesy.asking());
  });
}
