/** How a link fails: a closed port answers at once, a pulled cable never. */
export type Failure = "refusing" | "silent";

/** What connects two places. */
export interface Cable {
  readonly name: string;
  /** At what host and port the near end reaches a port of the far end. */
  reaches(port: number): { readonly host: string; readonly port: number };
  fail(how: Failure): Promise<void>;
  /** As it was laid. What was under way may go on or may have ended. */
  mend(): Promise<void>;
}

export interface Route {
  readonly name: string;
  readonly near: string;
  readonly far: string;
  /** Of the far end, those that the cable carries. */
  readonly ports: readonly number[];
}

/** Places where programs run, and the cables between them. */
export interface Network {
  /** What it is made of, for people. */
  readonly about: string;
  /** On what address a program listens there. */
  readonly listen: string;
  /** Whether the near end of a cable sees the ports of the far end as they are. */
  readonly keepsPorts: boolean;
  /** A port for a program that would like this one; the program gets it again after a restart. */
  port(own: number): Promise<number>;
  /** Makes a place. Answers what stands before a command that runs there. */
  place(name: string): Promise<readonly string[]>;
  /** At what host this process reaches a place, whatever is cut. */
  hostOf(place: string): string;
  lay(route: Route): Promise<Cable>;
  close(): Promise<void>;
}
