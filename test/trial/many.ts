import type { FuzzOptions } from "./options.ts";
import type { Played } from "./play.ts";
import { Player } from "./player.ts";
import { shrink } from "./shrink.ts";

/** What several histories hold together. */
export interface Sum {
  histories: number;
  siteHours: number;
  actions: number;
  taken: number;
  faults: number;
  conflicts: number;
  readonly killedAt: Set<string>;
}

/** Plays as many histories as the options say, several at once. Each failure is told in words, with the line that plays it again. */
export async function playMany(
  options: FuzzOptions,
  { onPlayed }: { readonly onPlayed: (seed: number, played: Played) => void },
): Promise<{ readonly sum: Sum; readonly failures: readonly string[] }> {
  const sum: Sum = { histories: 0, siteHours: 0, actions: 0, taken: 0, faults: 0, conflicts: 0, killedAt: new Set() };
  const failures: string[] = [];
  let next = options.from;
  let begun = 0;
  const isOver = () => begun >= options.seeds || (failures.length > 0 && !options.onAndOn);
  const work = async () => {
    const player = new Player();
    while (!isOver()) {
      const seed = next++;
      begun += 1;
      const { length, keep, without, having } = options;
      const outcome = await player.play({ seed, length, keep, without, having });
      if ("lacks" in outcome) begun -= 1;
      else if ("played" in outcome) {
        add(sum, outcome.played);
        onPlayed(seed, outcome.played);
      } else failures.push(await failed(player, seed, outcome.failed, options));
    }
    player.close();
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return { sum, failures };
}

function add(sum: Sum, played: Played): void {
  sum.histories += 1;
  for (const count of ["siteHours", "actions", "taken", "faults", "conflicts"] as const) sum[count] += played[count];
  for (const where of played.killedAt) sum.killedAt.add(where);
}

/** Counts, by what people call them. */
export function countsOf({
  siteHours,
  actions,
  taken,
  faults,
  conflicts,
}: Omit<Played, "killedAt">): Record<string, number> {
  return {
    "site-hours": Math.round(siteHours * 10) / 10,
    "operator actions": actions,
    "of them taken": taken,
    faults,
    "open conflicts in the end": conflicts,
  };
}

/** Counts in a line. */
export function told(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(", ");
}

/** What failed, shrunk, with the line that plays it again. */
async function failed(player: Player, seed: number, failure: string, options: FuzzOptions): Promise<string> {
  const { length, tries, without } = options;
  const all = options.keep ?? Array.from({ length }, (_, at) => at);
  const wanted = gist(failure);
  const kept = await shrink(
    all,
    async (keep) => {
      const outcome = await player.play({ seed, length, keep, without });
      return "failed" in outcome && gist(outcome.failed) === wanted;
    },
    tries,
  );
  const keep = kept.length < length ? ` --keep ${kept.join(",")}` : "";
  const left = without.map((what) => ` --without "${what}"`).join("");
  const planted = process.env.HOLDFAST_PLANT ? `HOLDFAST_PLANT=${process.env.HOLDFAST_PLANT} ` : "";
  return `seed ${seed} failed: ${failure}\nreplay: ${planted}npm run fuzz -- --seed ${seed} --length ${length}${left}${keep}`;
}

/** A failure without what is different each time: ids, values, times. */
function gist(failure: string): string {
  const [line = ""] = failure.split("\n");
  return line.replace(/\b(host|inst|conflict|command|site)-[0-9a-f]+/g, "$1").replace(/w?\d+x?/g, "#");
}
