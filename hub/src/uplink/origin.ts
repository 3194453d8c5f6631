import type { FeedPosition, Stream } from "@holdfast/protocol";

/** Whose entry it is, and when the hub took it. */
export interface Origin {
  readonly site: string;
  readonly tenant: string;
  readonly stream: Stream;
  /** Milliseconds since the epoch, hub's clock. */
  readonly now: number;
}

/** What became of an entry that could be applied. A reason beside `applied` says why nothing had to be done. */
export interface Applied {
  readonly result: "applied" | "conflict";
  readonly reason?: string;
  readonly at?: FeedPosition;
  /** The resource exists under this id instead. */
  readonly alias?: string;
  /** Id of the conflict that has got the value. */
  readonly conflict?: string;
}
