import { FieldFault } from "../store/faults.ts";
import type { Rule } from "./kind-rules.ts";
import { oneTargetOf } from "./one-target.ts";

export const oneTargetOfProfile = oneTargetOf(["targetInstance", "targetSite", "targetRegion"]);

/** Logs are collected down to a level that there is. */
export const someLevel: Rule = (_view, { changes }) => {
  if (changes.logLevel !== "SEVERITY_LEVEL_UNSPECIFIED") return;
  throw new FieldFault("InvalidArgument", ["logLevel"], "logLevel: a level is needed");
};
