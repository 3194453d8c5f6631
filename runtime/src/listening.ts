import { Fault, systemCode } from "./errors.ts";

/** An error of `listen`, said in the words of the flag that chose the port. */
export function listenFault(error: unknown, flag: string, port: number): unknown {
  if (systemCode(error) === "EADDRINUSE") {
    return new Fault(
      "FailedPrecondition",
      `port ${port} is taken: choose another with ${flag} (0 takes any free one)`,
      {
        cause: error,
      },
    );
  }
  if (systemCode(error) === "EACCES") {
    return new Fault("FailedPrecondition", `port ${port} needs more rights: choose another with ${flag}`, {
      cause: error,
    });
  }
  return error;
}
