import { beginNewEpoch } from "@holdfast/hub/disaster/new-epoch";
import { expect, test } from "vitest";
import { agree } from "../world/agreement.ts";
import { createWorld } from "../world/world.ts";

const SCHEDULES = "/v1/projects/default/schedules/single";

test("what was deleted at a site does not return with a hub that is put back to before (rule 20)", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const oslo = world.site("oslo");
  const { token } = await world.hub.operator("ann");
  const host = { name: "till", siteId: oslo.id };
  const { resourceId: targetHostId } = await world.hub.ask("POST", "/v1/projects/default/compute/hosts", host);
  const startSeconds = Math.floor(world.clock.now() / 1_000) + 86_400;
  const wanted = { scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE", startSeconds, targetHostId };
  const { resourceId } = await world.hub.ask("POST", SCHEDULES, wanted);
  await agree(world, "oslo");
  const snapshot = await world.hub.snapshot();
  const deleted = await oslo.request("DELETE", `${SCHEDULES}/${resourceId}`, undefined, { token });
  expect(deleted.status).toBe(200);
  await agree(world, "oslo");
  expect(await world.hub.ask("GET", SCHEDULES)).toMatchObject({ totalElements: 0 });

  await world.hub.rollBackTo(snapshot);
  await world.hub.stop();
  await beginNewEpoch({ home: world.hub.home, clock: world.clock });
  await world.hub.start();
  await agree(world, "oslo");
  expect(await world.hub.ask("GET", SCHEDULES)).toMatchObject({ totalElements: 0 });
  expect(await world.hub.conflicts()).toEqual([]);
});
