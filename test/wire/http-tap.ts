import { createServer } from "node:http";
import type { Json } from "../world/request.ts";
import { listening } from "./mqtt-tap.ts";

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly request: Json;
  readonly status: number;
  readonly answer: Json;
}

/** Stands between an agent and its site's HTTP, and tells what is asked and answered. */
export async function tapHttp(target: () => number, told: (exchange: Exchange) => void) {
  const server = createServer(async (incoming, outgoing) => {
    try {
      const pieces: Buffer[] = [];
      for await (const piece of incoming) pieces.push(piece as Buffer);
      const sent = Buffer.concat(pieces).toString("utf8");
      const { method = "GET", url = "/" } = incoming;
      const response = await fetch(`http://127.0.0.1:${target()}${url}`, {
        method,
        headers: sent === "" ? {} : { "content-type": "application/json" },
        ...(sent === "" ? {} : { body: sent }),
      });
      const text = await response.text();
      const request = sent === "" ? null : JSON.parse(sent);
      told({ method, path: url, request, status: response.status, answer: text === "" ? null : JSON.parse(text) });
      outgoing.writeHead(response.status, { "content-type": "application/json" }).end(text);
    } catch {
      outgoing.destroy();
    }
  });
  return listening(server, () => server.closeAllConnections());
}
