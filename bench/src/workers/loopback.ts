import { createServer } from "node:http";
import { serve } from "./serve.ts";

/** A server that answers at once with next to nothing. */
serve(async () => {
  const server = createServer((_, response) => response.end("{}"));
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  return { port: () => port };
});
