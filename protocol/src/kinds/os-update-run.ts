import { Type } from "typebox";
import { bookkept, hiddenReference, kind } from "./kind.ts";
import { StatusIndication, Uint32 } from "./values.ts";

const text = (maxLength: number) => Type.String({ maxLength, pattern: "^$|^[a-zA-Z-_0-9./:;=?@!#,<>*() ]+$" });

/** One update of an instance's operating system, made by whoever updates machines. Times are seconds since the epoch. */
export const OsUpdateRun = kind({
  name: "os_update_run",
  prefix: "osupdaterun",
  schemaName: "OSUpdateRun",
  follows: "instanceId",
  fields: {
    name: bookkept(text(40)),
    description: bookkept(text(200)),
    appliedPolicyId: hiddenReference("os_update_policy", "appliedPolicy", { tellsPast: true, neverNull: true }),
    instanceId: hiddenReference("instance", "instance", { required: true, immutable: true, goesAlong: true }),
    statusIndicator: bookkept(StatusIndication),
    status: bookkept(Type.String({ maxLength: 1024 })),
    statusDetails: bookkept(Type.String({ maxLength: 100_000 })),
    statusTimestamp: bookkept(Uint32),
    startTime: bookkept(Uint32),
    endTime: bookkept(Uint32),
  },
  rest: {
    collections: ["os-update-runs", "os_update_run"],
    listKey: "osUpdateRuns",
    plural: "OSUpdateRun",
    operations: ["list", "get", "delete"],
  },
});
