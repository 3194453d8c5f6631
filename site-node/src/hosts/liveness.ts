import { seconds } from "@holdfast/runtime";

/** Three heartbeats missed, and two seconds for the third to arrive. */
export const SILENCE = seconds(32);
/** How long a will must stand: a machine that comes right back was never gone. */
export const WILL_STANDS = seconds(5);

/** What the site knows of an agent's presence. Times and deadlines are milliseconds of the site's monotonic clock. */
export type Liveness =
  | { readonly phase: "unheard" }
  | { readonly phase: "online"; readonly session: string; readonly deadline: number }
  | { readonly phase: "leaving"; readonly session: string; readonly deadline: number }
  | { readonly phase: "offline"; readonly session: string }
  | { readonly phase: "lost"; readonly session: string };

export type LivenessEvent =
  | { readonly type: "online" | "goodbye" | "heartbeat" | "will"; readonly session: string; readonly at: number }
  | { readonly type: "tick"; readonly at: number }
  /** The site-node was away and back: nobody is lost before it had the time to reconnect. */
  | { readonly type: "restarted"; readonly at: number; readonly grace: number };

/** The next state, or undefined when the event changes nothing. */
export function step(state: Liveness, event: LivenessEvent): Liveness | undefined {
  const { at } = event;
  switch (event.type) {
    case "online":
      return { phase: "online", session: event.session, deadline: at + SILENCE };
    case "goodbye":
      return state.phase === "unheard" || state.session === event.session
        ? { phase: "offline", session: event.session }
        : undefined;
    case "will":
      // The will of an older session says nothing of the one that came after it.
      if (state.phase !== "online" || state.session !== event.session) return undefined;
      return { phase: "leaving", session: event.session, deadline: at + WILL_STANDS };
    case "heartbeat":
      if (state.phase === "offline") return undefined;
      if (state.phase !== "unheard" && state.session !== event.session) return undefined;
      return { phase: "online", session: event.session, deadline: at + SILENCE };
    case "tick":
      if ((state.phase !== "online" && state.phase !== "leaving") || at < state.deadline) return undefined;
      return { phase: "lost", session: state.session };
    case "restarted":
      if (state.phase !== "online" && state.phase !== "leaving") return undefined;
      return { phase: "online", session: state.session, deadline: at + event.grace };
  }
}

/** How long a restarted site-node waits for machines that were there: they back off as long as it was away, to five minutes. */
export function graceAfter(away: number): number {
  return SILENCE + Math.min(Math.max(0, away), seconds(300));
}
