import type { CommandEntry } from "@holdfast/protocol/uplink";

/** A command that has not begun, and what decides about it. Times are milliseconds since the epoch. */
export interface CommandSituation {
  readonly notAfter: number;
  readonly now: number;
  /** Of the life of this site that it was given to, and of this one. */
  readonly incarnation: number;
  readonly ownIncarnation: number;
  /** Why this site may not do anything to the host; undefined when it may. */
  readonly unmanaged: string | undefined;
  /** Something was done to the host here that whoever gave the command did not know of. */
  readonly crossed: boolean;
  readonly held: boolean;
  /** Its agent is there. */
  readonly reachable: boolean;
}

export type CommandVerdict =
  | { readonly is: "begin" }
  | { readonly is: "wait"; readonly held: boolean; readonly reason: string }
  | { readonly is: "end"; readonly status: CommandEntry["status"]; readonly reason: string };

/** Whether a command is begun now, waits, or ends without having been begun (rules 17, 21). Pure. */
export function judgeCommand(situation: CommandSituation): CommandVerdict {
  const { notAfter, now, incarnation, ownIncarnation, unmanaged, crossed, held, reachable } = situation;
  if (now > notAfter) return end("expired", "its time had passed before it was begun");
  if (incarnation !== ownIncarnation) return end("refused", "it was given to an earlier life of this site");
  if (unmanaged !== undefined) return end("refused", unmanaged);
  if (crossed) {
    return end(
      "refused",
      "something has been done to the host at its site since, which was not known when this was given",
    );
  }
  if (held) return { is: "wait", held, reason: "held until an operator releases the site's hold" };
  return reachable ? { is: "begin" } : { is: "wait", held, reason: "its agent is not connected" };
}

function end(status: CommandEntry["status"], reason: string): CommandVerdict {
  return { is: "end", status, reason };
}
