import { Fault } from "@holdfast/runtime";
import type { Command, Commands, NewCommand } from "./commands.ts";
import type { Conflict, Conflicts, Resolution } from "./conflicts.ts";
import type { Hold, Holds } from "./holds.ts";

/** Open conflicts that a test has put there. */
export class ConflictsUnderTest implements Conflicts {
  readonly open: Conflict[] = [];
  readonly resolved: Resolution[] = [];

  async list(_view: unknown, query: Parameters<Conflicts["list"]>[1]) {
    const of = this.open.filter(({ tenant, resourceId }) => {
      return tenant === query.tenant && (query.resourceId ?? resourceId) === resourceId;
    });
    return { conflicts: of.slice(query.offset, query.offset + query.limit), total: of.length };
  }

  async get(_view: unknown, tenant: string, id: string): Promise<Conflict | undefined> {
    return this.open.find((each) => each.tenant === tenant && each.id === id);
  }

  async resolve(resolution: Resolution): Promise<void> {
    if (!(await this.get(undefined, resolution.tenant, resolution.id))) {
      throw new Fault("NotFound", "conflict not found");
    }
    this.resolved.push(resolution);
    resolution.durable?.({ held: "site", conflict: resolution.id });
  }
}

/** Commands that nobody carries out. */
export class CommandsUnderTest implements Commands {
  readonly issued: NewCommand[] = [];

  async issue(command: NewCommand): Promise<Command> {
    this.issued.push(command);
    command.durable?.({ held: "hub" });
    return this.#shown(command, this.issued.length - 1);
  }

  async get(_view: unknown, tenant: string, id: string): Promise<Command | undefined> {
    return this.#all(tenant).find((each) => each.id === id);
  }

  async list(_view: unknown, { tenant, hostId, limit }: Parameters<Commands["list"]>[1]): Promise<Command[]> {
    return this.#all(tenant)
      .filter((each) => each.hostId === hostId)
      .toReversed()
      .slice(0, limit);
  }

  #all(tenant: string): Command[] {
    return this.issued.flatMap((each, index) => (each.tenant === tenant ? [this.#shown(each, index)] : []));
  }

  #shown({ hostId, command, actor, notAfter }: NewCommand, index: number): Command {
    const id = `command-${index.toString(16).padStart(16, "0")}`;
    return { id, hostId, command, status: "pending", actor, issuedAt: 0, notAfter, updatedAt: 0 };
  }
}

/** Holds that a test has put there. */
export class HoldsUnderTest implements Holds {
  standing: Hold[] = [];

  async list(_view: unknown, tenant: string): Promise<Hold[]> {
    return this.standing.filter((each) => each.tenant === tenant);
  }

  async release({ tenant, siteId }: Parameters<Holds["release"]>[0]): Promise<void> {
    const others = this.standing.filter((each) => each.tenant !== tenant || each.siteId !== siteId);
    if (others.length === this.standing.length) throw new Fault("NotFound", "the site has no hold");
    this.standing = others;
  }
}
