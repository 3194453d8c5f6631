import { Instance } from "@holdfast/protocol";
import { FieldFault } from "../store/faults.ts";
import type { Rule } from "./kind-rules.ts";

const INPUTS = ["localAccountID", "customConfigID"];

/** Any of these has another value once the site has begun to install. */
const PROGRESS = ["currentState", "provisioningStatus", "provisioningStatusIndicator"] as const;

/** With which account and configuration a machine is installed is settled when that begins: later it would be told of nobody. */
export const installationInputs: Rule = (_view, { before, changes }) => {
  if (!before) return;
  const fields = before.fields as Readonly<Record<string, unknown>>;
  const begun = PROGRESS.some(
    (name) => (fields[name] ?? Instance.fields[name].initial) !== Instance.fields[name].initial,
  );
  const late = begun ? INPUTS.find((name) => Object.hasOwn(changes, name)) : undefined;
  if (late === undefined) return;
  throw new FieldFault("FailedPrecondition", [late], `${late} cannot be changed once provisioning has begun`);
};
