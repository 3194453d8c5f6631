import { FieldFault } from "@holdfast/inventory";

/** As a label of a host's name: what paths, files and other systems take. */
export const TENANCY_NAME = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

const NAME = new RegExp(TENANCY_NAME);
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Throws InvalidArgument for what nothing new may be called. What there was before keeps its name. */
export function checkName(what: "project" | "org", name: string): void {
  if (UUID.test(name)) throw new FieldFault("InvalidArgument", [what], `${what}: there is none with this UUID`);
  if (NAME.test(name)) return;
  const expected = "a name of at most 63 small letters, digits and dashes within";
  throw new FieldFault("InvalidArgument", [what], `${what}: must be ${expected}`);
}
