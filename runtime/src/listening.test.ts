import { createServer } from "node:net";
import { expect, test } from "vitest";
import { Fault, messageOf } from "./errors.ts";
import { listenFault } from "./listening.ts";

test("a taken port is named by its flag", async () => {
  const first = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => first.once("listening", resolve));
  const { port } = first.address() as { port: number };
  const error = await new Promise((resolve) => createServer().listen(port, "127.0.0.1").once("error", resolve));
  const fault = listenFault(error, "--hub-port", port);
  expect(fault).toBeInstanceOf(Fault);
  expect(messageOf(fault)).toContain(`port ${port} is taken: choose another with --hub-port`);
  first.close();
});
