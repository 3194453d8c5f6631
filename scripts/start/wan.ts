import { Relay } from "@holdfast/runtime/relay";

/** The link between the site and the hub of one start, as something that can be cut. */
export interface Wan {
  /** Where the site reaches the hub. */
  readonly url: string;
  cut(): void;
  restore(): void;
  close(): Promise<void>;
}

/** A link to a hub that answers at `hubUrl`, on the loopback interface. */
export async function layWan(hubUrl: string): Promise<Wan> {
  const port = Number(new URL(hubUrl).port);
  const relay = await Relay.to(() => port);
  return {
    url: `http://127.0.0.1:${relay.port}`,
    cut: () => relay.cut(),
    restore: () => relay.restore(),
    close: () => relay.close(),
  };
}
