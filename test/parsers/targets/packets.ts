import { PacketRefused, PacketScanner } from "@holdfast/site-node/broker/packet-guard";
import { packetBytes, pieces } from "../mqtt-bytes.ts";
import { type Input, mustHold, type Target } from "../target.ts";

const LIMITS = { packetBytes: 2_048, connectBytes: 256 };

function verdictOn(chunks: Iterable<Uint8Array>): string {
  const scanner = new PacketScanner(LIMITS);
  try {
    for (const chunk of chunks) scanner.scan(chunk);
    return "";
  } catch (error) {
    if (error instanceof PacketRefused) return error.message;
    throw error;
  }
}

/** The guard at the broker's door, which follows packets through a stream before the broker sees any. */
export const PACKETS: Target = {
  name: "packets",
  about: "the broker's guard says the same of a stream however it is cut, and lets no packet of more than the limit by",
  open: async () => ({
    generate(random) {
      const bytes = packetBytes(random);
      return { bytes, cuts: pieces(random, bytes.length) };
    },
    feed(input: Input) {
      const { bytes, cuts } = input as { readonly bytes: Uint8Array; readonly cuts: readonly number[] };
      const whole = verdictOn([bytes]);
      const cut = cuts.map((end, at) => bytes.subarray(cuts[at - 1] ?? 0, end));
      mustHold(verdictOn(cut) === whole, "in pieces it is judged otherwise");
      mustHold(
        verdictOn(Array.from(bytes, (byte) => Uint8Array.of(byte))) === whole,
        "byte by byte it is judged otherwise",
      );
      return whole === "" ? "accepted" : "refused";
    },
  }),
};
