import { FieldFault } from "../store/faults.ts";
import type { Rule } from "./kind-rules.ts";

/** What a mutable operating system is updated with; an immutable one is replaced by another. */
const IN_PLACE = ["updatePackages", "updateSources", "updateKernelCommand"];
const WHOLE = "targetOsId";

/** The latest is not the operator's to say; a target is another operating system, or what is updated within the one there is. */
export const updatePolicyFields: Rule = (_view, { after }) => {
  const fields = after.fields as Readonly<Record<string, unknown>>;
  const given = (name: string) => fields[name] !== undefined && String(fields[name]) !== "";
  const refuse = (name: string, why: string) => new FieldFault("InvalidArgument", [name], `${name}: ${why}`);
  const inPlace = IN_PLACE.find(given);
  const whole = given(WHOLE) ? WHOLE : undefined;
  const any = inPlace ?? whole;
  if (fields.updatePolicy === "UPDATE_POLICY_LATEST" && any !== undefined) {
    throw refuse(any, "an UPDATE_POLICY_LATEST takes none");
  }
  if (fields.updatePolicy === "UPDATE_POLICY_TARGET" && inPlace !== undefined && whole !== undefined) {
    throw refuse(inPlace, `an UPDATE_POLICY_TARGET takes either this or ${WHOLE}`);
  }
};
