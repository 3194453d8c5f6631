type Calls = Readonly<Record<string, (given: never) => unknown>>;

/**
 * Serves the process that started this one: `start` is called once with the options and makes the calls. A worker ends when
 * its parent goes or asks it to.
 */
export function serve<O>(start: (options: O) => Promise<Calls>): void {
  let calls: Calls = {};
  process.on("message", async ({ id, call, given }: { id: number; call: string; given: unknown }) => {
    try {
      if (call === "start") {
        calls = await start(given as O);
        process.send?.({ id });
      } else {
        const called = calls[call];
        if (!called) throw new Error("there is no such call");
        process.send?.({ id, result: await called(given as never) });
      }
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.once("disconnect", () => process.exit(0));
  process.once("SIGTERM", () => process.exit(0));
}

/** A moment that is the same in all processes of the machine, in milliseconds. */
export function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
