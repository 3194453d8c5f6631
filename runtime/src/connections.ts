import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** The connections of a server that may be told to close. */
export interface Connections {
  /** Ends those that answer nothing, now and from now on. */
  endIdle(): void;
  /** Ends all, also those whose answer is not read. */
  endAll(): void;
}

/**
 * Watches a server's connections, so that it closes as soon as what has begun is answered. Left alone, a server waits for
 * connections that were opened and never used, and for those that are kept alive after their last answer.
 */
export function watchConnections(server: Server): Connections {
  const answering = new Map<Socket, number>();
  let closing = false;

  const endIfIdle = (socket: Socket) => {
    if (closing && answering.get(socket) === 0) socket.destroySoon();
  };
  server.on("connection", (socket: Socket) => {
    answering.set(socket, 0);
    socket.once("close", () => answering.delete(socket));
    endIfIdle(socket);
  });
  server.on("request", ({ socket }: { socket: Socket }, response: ServerResponse) => {
    answering.set(socket, (answering.get(socket) ?? 0) + 1);
    response.once("close", () => {
      const left = answering.get(socket);
      if (left !== undefined) answering.set(socket, left - 1);
      endIfIdle(socket);
    });
  });
  return {
    endIdle() {
      closing = true;
      for (const socket of answering.keys()) endIfIdle(socket);
    },
    endAll() {
      for (const socket of answering.keys()) socket.destroy();
    },
  };
}
