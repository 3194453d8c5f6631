import type { EntryOf } from "./ledger.ts";

/** What a program said in its log, line by line. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface Carried {
  /** Acknowledged commands, and as what the hub shows each; undefined when it does not know it. */
  readonly commands: readonly (EntryOf<"command"> & { readonly status: string | undefined })[];
  readonly siteLogs: readonly LogLine[];
  readonly machines: readonly {
    readonly name: string;
    readonly log: readonly LogLine[];
    /** What its operating system was told. */
    readonly switched: readonly string[];
  }[];
}

const FINAL = ["done", "failed", "refused", "expired", "unknown"];
/** What has ended so was never begun. */
const NEVER_BEGUN = ["refused", "expired"];
const SWITCHING = ["reset", "power-cycle"];

/** What is wrong with how commands were carried out: each at most once, and each with an end that is true. */
export function judgeCommands({ commands, siteLogs, machines }: Carried): string[] {
  const complaints: string[] = [];
  const begun = counted(siteLogs, "carrying out a command", "command");
  for (const [id, count] of begun) if (count > 1) complaints.push(`${id}: its site carried it out ${count} times`);

  const obeyed = new Map<string, number>();
  for (const { name, log, switched } of machines) {
    for (const action of ["reset", "off"]) {
      const orders = counted(
        log.filter((line) => line.action === action),
        "the site switches this machine",
        "order",
      );
      for (const [order, count] of orders) obeyed.set(order, (obeyed.get(order) ?? 0) + count);
      const done = switched.filter((each) => each === (action === "reset" ? "reboot" : "poweroff")).length;
      if (done > orders.size) complaints.push(`${name}: ${orders.size} orders to ${action}, carried out ${done} times`);
    }
  }
  for (const [order, count] of obeyed) if (count > 1) complaints.push(`${order}: its agent obeyed it ${count} times`);

  for (const { id, command, host, status } of commands) {
    if (id === undefined) continue;
    const told = `${command} ${id} of ${host}`;
    if (status === undefined || !FINAL.includes(status)) complaints.push(`${told}: has no end, but ${status}`);
    else if (!SWITCHING.includes(command)) continue;
    else if (NEVER_BEGUN.includes(status) && obeyed.has(id)) complaints.push(`${told}: ${status}, and carried out`);
    else if (status === "done" && !obeyed.has(id)) complaints.push(`${told}: done, and its agent knows nothing of it`);
  }
  return complaints;
}

function counted(log: readonly LogLine[], msg: string, field: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of log) {
    if (line.msg !== msg) continue;
    const id = String(line[field]);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}
