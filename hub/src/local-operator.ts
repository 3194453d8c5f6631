import { userInfo } from "node:os";
import type { Author } from "@holdfast/inventory";

/** Whoever runs a command on the hub's own machine, by the account of the system that they use. */
export function localOperator(): Author {
  return { actor: "operator:local", token: `account:${accountName()}` };
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // The system has no name for this user.
    return "unnamed";
  }
}
