import { type CommandName, Host, type Kind, type Resource } from "@holdfast/protocol";
import { type Clock, minutes } from "@holdfast/runtime";
import type { Commands } from "./api/commands.ts";
import { isBeingDeleted } from "./authority/desired-state.ts";
import type { CreateRequest, Inventory, UpdateRequest } from "./inventory.ts";
import { FieldFault, missing, refuseOther } from "./store/faults.ts";

/** States that say what shall happen, not how a machine shall be: each is a command, carried out once (rule 17). */
const COMMAND_OF: Readonly<Record<string, CommandName>> = {
  POWER_STATE_RESET: "reset",
  POWER_STATE_RESET_REPEAT: "reset",
  POWER_STATE_POWER_CYCLE: "power-cycle",
};

/** How long a command that was given as a desired power state may wait for its machine. */
export const POWER_COMMAND_VALID = minutes(10);

export interface PowerCommandParts {
  readonly inventory: Inventory;
  readonly commands: Pick<Commands, "issue">;
  readonly clock: Pick<Clock, "now">;
}

/**
 * An inventory in which wanting a host reset or power-cycled gives a command instead, good for ten minutes: the desired
 * power state that is kept stays what it was. What else the request changes is changed first. A host that no site manages is
 * reset by nobody.
 */
export function withPowerCommands({ inventory, commands, clock }: PowerCommandParts): Inventory {
  return {
    store: inventory.store,
    async create<K extends Kind>(kind: K, request: CreateRequest): Promise<Resource<K>> {
      if (commandIn(kind, request.fields)) {
        throw new FieldFault(
          "InvalidArgument",
          ["desiredPowerState"],
          "desiredPowerState: a host that is being made cannot be reset or power-cycled",
        );
      }
      return inventory.create(kind, request);
    },
    async update<K extends Kind>(kind: K, request: UpdateRequest): Promise<Resource<K>> {
      const command = commandIn(kind, request.fields);
      if (!command) return inventory.update(kind, request);
      const { desiredPowerState: _, ...fields } = request.fields;
      const before = await commandable(inventory, request);
      const after = Object.keys(fields).length > 0 ? await inventory.update(kind, { ...request, fields }) : before;
      const { ifGeneration: _1, ifWrites: _2, fields: _3, id: hostId, ...asking } = request;
      // EIM takes it too where nobody is there to do it, and its clients do not expect a refusal.
      if (after.owner !== undefined) {
        await commands.issue({ ...asking, hostId, command, notAfter: clock.now() + POWER_COMMAND_VALID });
      }
      return after as Resource<K>;
    },
    remove: (kind, request) => inventory.remove(kind, request),
  };
}

function commandIn(kind: Kind, { desiredPowerState }: Readonly<Record<string, unknown>>): CommandName | undefined {
  if (kind.name !== Host.name || typeof desiredPowerState !== "string") return undefined;
  return Object.hasOwn(COMMAND_OF, desiredPowerState) ? COMMAND_OF[desiredPowerState] : undefined;
}

/** The host, once it is sure that a command can be given: nothing else of the request is done when it cannot. */
async function commandable({ store }: Inventory, request: UpdateRequest): Promise<Resource> {
  const { tenant, id } = request;
  const host = await store.read((view) => view.get(Host, tenant, id));
  if (!host) throw missing(Host);
  refuseOther(Host, host, request);
  const refuse = (why: string) => new FieldFault("FailedPrecondition", ["desiredPowerState"], why);
  if (isBeingDeleted(Host, host.fields)) throw refuse(`desiredPowerState: host_resource ${id} is being deleted`);
  return host;
}
