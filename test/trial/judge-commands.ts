import assert from "node:assert/strict";
import { minutes } from "@holdfast/runtime";
import { eventually } from "../world/eventually.ts";
import { HOSTS, type Reset, type Trial } from "./trial.ts";

/** What a command ends as. */
const FINAL = ["done", "failed", "expired", "refused", "unknown"];

/** How long an order that was begun in time may be on its way, milliseconds. */
const UNDER_WAY = minutes(1);

/** Every command that was taken comes to an end, and a machine was reset as often as the ends say. */
export async function commandsEnd(trial: Trial): Promise<void> {
  const { world, ordered, machines } = trial;
  if (trial.anyDisaster || ordered.length === 0) return;
  await world.clock.advance(minutes(20));
  const ends = new Map<string, string>();
  await eventually(async () => {
    for (const { id, host } of ordered) {
      const { status, body } = await world.hub.request("GET", `${HOSTS}/${host}/commands/${id}`);
      // With its host a command goes too, and after a while it is nobody's concern any more.
      if (status === 404) continue;
      assert.equal(status, 200);
      // Given by a clock that was ahead it may wait for its machine until that time has come.
      const isDue = Date.parse(body.notAfter) > world.clock.now();
      assert.ok(FINAL.includes(body.status) || isDue, `${id} is ${body.status}, long after its time`);
      ends.set(id, body.status);
    }
  });
  for (const machine of machines) {
    const done = ordered.filter(({ id, host, command }) => {
      return command === "reset" && host === machine.known && ends.get(id) === "done";
    });
    const resets = machine.switched.filter((action) => action === "reset").length;
    assert.ok(resets >= done.length, `${machine.known} was reset ${resets} times, and ${done.length} resets are done`);
  }
}

/** Each reset of a machine is that of one order, which was good when it was done. */
export function nothingIsDoneUnasked({ machines, resetsAsked, anySiteRolledBack, areClocksWrong }: Trial): void {
  if (anySiteRolledBack) return;
  for (const machine of machines) {
    const isMeant = ({ host }: Reset) => machines.length === 1 || [undefined, host].includes(machine.known);
    const left = resetsAsked.filter(isMeant).toSorted((one, other) => one.until - other.until);
    for (const [index, action] of machine.switched.entries()) {
      const at = machine.switchedAt[index] ?? 0;
      if (action !== "reset") continue;
      const order = left.findIndex(({ from, until }) => areClocksWrong || (from <= at && at <= until + UNDER_WAY));
      assert.notEqual(
        order,
        -1,
        `${machine.known} was reset at ${new Date(at).toISOString()}, by no order that was good then`,
      );
      left.splice(order, 1);
    }
  }
}
