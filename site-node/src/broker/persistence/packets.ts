/** What aedes hands a persistence as a client: of its own Client class, or only the id. */
export interface ClientRef {
  readonly id: string;
}

/** A publication as aedes keeps it between publisher and subscriber. */
export interface QueuedPacket {
  cmd: string;
  brokerId?: string | undefined;
  brokerCounter?: number | undefined;
  messageId?: number | undefined;
  topic: string;
  payload: Buffer | string;
  qos: number;
  retain: boolean;
  dup: boolean;
}

/** A packet as aedes may hand it over: a PUBREL has an id and no topic. */
export type GivenPacket = Pick<QueuedPacket, "cmd" | "messageId"> & Partial<QueuedPacket>;

/** What a stored packet counts for against a bound: its bytes, and a little for the row. */
export function sizeOf(packet: { readonly topic?: string; readonly payload?: Buffer | string }): number {
  return 64 + Buffer.byteLength(packet.topic ?? "") + Buffer.byteLength(packet.payload ?? "");
}
