import type { Entry, Ledger, Outcome } from "./ledger.ts";
import type { Resident } from "./resident.ts";
import type { Timeline } from "./timeline.ts";

export interface Told {
  readonly timeline: Timeline;
  readonly ledger: Ledger;
  /** How long it took until everything agreed, each time, milliseconds. */
  readonly recoveries: readonly number[];
  readonly resident: Resident;
}

const OUTCOMES: readonly Outcome[] = ["acknowledged", "refused", "unanswered"];
const WANTED: Readonly<Record<Entry["kind"], string>> = {
  write: "writes",
  choice: "conflicts chosen",
  registration: "registrations",
  deletion: "deletions",
  command: "commands",
  wish: "power, claims",
};

/** What was done and what came of it, in lines for people. */
export function summaryOf({ timeline, ledger, recoveries, resident }: Told): string {
  const counted = (event: string) => {
    const counts = [...timeline.counts(event)].toSorted(([one], [other]) => (one < other ? -1 : 1));
    return `${timeline.total(event)}${counts.length === 0 ? "" : `: ${counts.map((each) => each.join(" ")).join(", ")}`}`;
  };
  const wanted = (Object.keys(WANTED) as Entry["kind"][]).map((kind) => {
    const entries = ledger.of(kind);
    const by = OUTCOMES.map((each) => `${entries.filter(({ outcome }) => outcome === each).length} ${each}`);
    return `  ${WANTED[kind].padEnd(18)}${by.join(", ")}`;
  });
  const longest = (list: readonly number[]) => `${(Math.max(0, ...list) / 1_000).toFixed(1)} s`;
  return [
    `killed with -9     ${counted("kill")}`,
    `restarted          ${counted("restart")}`,
    `frozen             ${counted("freeze")}`,
    `links refusing     ${counted("refusing")}`,
    `links half open    ${counted("silent")}`,
    `machines switched  ${counted("machine")}`,
    `hardware changed   ${timeline.total("hardware")}`,
    "operators wanted, at the hub and at sites:",
    ...wanted,
    `conflicts seen     ${ledger.conflicts.size}`,
    `longest recovery   ${longest(recoveries)} from whole to agreed, in ${recoveries.length} rounds`,
    `longest start      ${longest([timeline.longestStart])} until a program did its work`,
    resident.table(),
  ].join("\n");
}
