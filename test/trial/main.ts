// `npm run fuzz`: histories that seeds decide, played on a simulated platform and judged against the reference.
import { messageOf } from "@holdfast/runtime";
import { countsOf, playMany, told } from "./many.ts";
import { HELP, optionsFrom } from "./options.ts";

async function main(given: readonly string[]): Promise<number> {
  const options = optionsFrom(given);
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  const { sum, failures } = await playMany(options, {
    onPlayed: (seed, played) => {
      if (options.verbose) console.log(`seed ${seed}: ${told(countsOf(played))}`);
    },
  });
  for (const each of failures) console.log(each);
  console.log(told({ histories: sum.histories, ...countsOf(sum), "distinct kill points": sum.killedAt.size }));
  console.log(`${sum.histories} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
}

process.exit(
  await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(messageOf(error));
    return 2;
  }),
);
