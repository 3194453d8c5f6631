import { isDeepStrictEqual } from "node:util";
import { decode, encode, MalformedMessage, type Messages } from "@holdfast/protocol/messages";
import { MESSAGE_NAMES, messageValue } from "../message-values.ts";
import { mutateBytes } from "../mutate/bytes.ts";
import type { Random } from "../random.ts";
import { mustHold, type Target } from "../target.ts";

/** Bytes of a message, nearly of one, or of nothing at all. */
export function messageBytes(random: Random, name: keyof Messages): Uint8Array {
  const bytes = encode(name, messageValue(random, name) as never);
  if (random.chance(0.3)) return bytes;
  if (random.chance(0.03)) return hostile(random);
  const others = [encode("Heartbeat", messageValue(random, "Heartbeat") as never)];
  return mutateBytes(random, bytes, others);
}

/** What is allowed on the wire and meant by nobody. */
function hostile(random: Random): Uint8Array {
  switch (random.below(4)) {
    case 0: // Groups within groups.
      return new Uint8Array(random.small(17)).fill(0x0b);
    case 1: // A length beyond everything.
      return Uint8Array.of(0x12, 0xff, 0xff, 0xff, 0xff, 0x0f, 1);
    case 2: // As many empty parts as there is room for.
      return Uint8Array.from({ length: 2 * random.small(16) }, (_, at) => (at % 2 === 0 ? 0x3a : 0));
    default:
      return random.bytes(random.small(9));
  }
}

/** Protobuf messages of agents and sites. */
export const MESSAGES: Target = {
  name: "messages",
  about: "bytes are a message that is the same when it is written again, or a MalformedMessage",
  open: async () => ({
    generate(random) {
      const name = random.pick(MESSAGE_NAMES);
      return { name, bytes: messageBytes(random, name) };
    },
    feed(input) {
      const { name, bytes } = input as { readonly name: keyof Messages; readonly bytes: Uint8Array };
      try {
        // As the broker hands them over.
        const message = decode(name, Buffer.from(bytes));
        const again = decode(name, encode(name, message));
        mustHold(isDeepStrictEqual(again, message), `written again it is ${JSON.stringify(again)}`);
        return "accepted";
      } catch (error) {
        if (error instanceof MalformedMessage) return "refused";
        throw error;
      }
    },
  }),
};
