import type { Random } from "../random.ts";
import { LENGTHS, NUMBERS, TEXTS } from "./interesting.ts";

/** A text with one to four changes; `words` are pieces of the language that it is of. */
export function mutateText(random: Random, from: string, words: readonly string[] = TEXTS): string {
  let text = from;
  for (let changes = 1 + random.small(2); changes > 0; changes -= 1) text = changed(random, text, words);
  return text;
}

function changed(random: Random, text: string, words: readonly string[]): string {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + 1 + random.small(4));
  const [before, after] = [text.slice(0, at), text.slice(end)];
  switch (random.below(8)) {
    case 0:
      return before + after;
    case 1:
      return before + random.pick(words) + text.slice(at);
    case 2:
      return before + random.pick(words) + after;
    case 3:
      return before + random.pick(TEXTS) + after;
    case 4:
      return before + String(random.pick(NUMBERS)) + after;
    case 5:
      return before + String.fromCharCode(random.small(16)) + text.slice(at + 1);
    case 6:
      return before + text.slice(at, end).repeat(1 + random.small(5)) + after;
    default:
      return (
        before +
        random
          .pick(words.length > 0 ? words : TEXTS)
          .repeat(random.pick(LENGTHS))
          .slice(0, 4_096) +
        after
      );
  }
}

/** Pieces of a language in any order: nearly sentences of it. */
export function babble(random: Random, words: readonly string[], most = 12): string {
  return Array.from({ length: 1 + random.below(most) }, () =>
    random.chance(0.03) ? random.pick(TEXTS) : random.pick(words),
  ).join("");
}
