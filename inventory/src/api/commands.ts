import type { CommandEntry, CommandName } from "@holdfast/protocol";
import type { Asking } from "../inventory.ts";
import type { View } from "../store/contract.ts";

/** Something asked of a machine once. Times are milliseconds since the epoch. */
export interface Command {
  /** `command-` and 16 hex digits. */
  readonly id: string;
  readonly hostId: string;
  readonly command: CommandName;
  /** `pending`: not begun; `held`: waits until an operator releases the site's hold. */
  readonly status: "pending" | "held" | CommandEntry["status"];
  readonly reason?: string;
  readonly actor: string;
  readonly issuedAt: number;
  readonly notAfter: number;
  readonly updatedAt: number;
}

export interface NewCommand extends Asking {
  readonly tenant: string;
  readonly hostId: string;
  readonly command: CommandName;
  readonly notAfter: number;
}

/** Commands to machines, at the hub or at the machine's site. */
export interface Commands {
  /** Throws NotFound for a host that is not there, FailedPrecondition for one that no site manages or that is being deleted. */
  issue(command: NewCommand): Promise<Command>;
  get(view: View, tenant: string, id: string): Promise<Command | undefined>;
  /** Newest first. */
  list(view: View, query: { tenant: string; hostId: string; limit: number }): Promise<readonly Command[]>;
}
