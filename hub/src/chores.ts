import type { Store } from "@holdfast/inventory";
import { type Clock, type Closable, closeAll, hours, type Log, minutes, seconds } from "@holdfast/runtime";
import { startChore } from "./chore.ts";
import type { HubCommands } from "./commands/commands.ts";
import { pruneFeeds } from "./feeds/prune-feeds.ts";
import type { Retirement } from "./retirement.ts";
import type { Enrolments } from "./tokens/enrolments.ts";
import type { Tokens } from "./tokens/tokens.ts";

interface ChoresParts {
  readonly store: Store;
  readonly enrolments: Pick<Enrolments, "sweep">;
  readonly tokens: Pick<Tokens, "publishAccess">;
  readonly commands: Pick<HubCommands, "sweep">;
  readonly retirement: Pick<Retirement, "purge">;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the hub does now and then by itself. */
export function startChores(parts: ChoresParts): Closable {
  const { store, enrolments, tokens, commands, retirement, clock, log } = parts;
  const chores = [
    { name: "take out expired enrolment tokens", every: minutes(1), work: () => enrolments.sweep() },
    { name: "say who may come in at sites", every: minutes(1), work: () => tokens.publishAccess() },
    { name: "end commands whose time is over", every: seconds(10), work: () => commands.sweep() },
    { name: "prune feeds", every: hours(1), work: () => pruneFeeds({ store, clock }) },
    { name: "remove what is retired", every: hours(1), work: () => retirement.purge() },
  ].map((chore) => startChore(chore, { clock, log }));
  return { close: () => closeAll(...chores) };
}
