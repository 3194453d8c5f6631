import { once } from "node:events";
import { closeSync, openSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { type Closable, Fault, type Log, messageOf, systemCode } from "@holdfast/runtime";
import { privateDirectory } from "./durable-file.ts";

/**
 * Holds a state directory, made when missing, until closed: two agents of one identity would push each other out of the
 * broker for ever, and each would send what the other has spooled. Throws FailedPrecondition when another agent has it. What
 * holds it is a listening socket, which goes with its process however that ends.
 */
export async function holdDirectory(stateDir: string, log: Log): Promise<Closable> {
  const directory = openPrivate(stateDir);
  // A socket's address has 107 bytes at most (unix(7)), a path many more.
  const address = `/proc/self/fd/${directory}/in-use`;
  try {
    const release = await listen(address, stateDir);
    return {
      close: async () => {
        await release();
        closeSync(directory);
      },
    };
  } catch (error) {
    closeSync(directory);
    if (error instanceof Fault) throw error;
    // A directory that takes nothing new is no reason to leave the machine unwatched.
    log.warn(
      { stateDir, error: messageOf(error) },
      "the state directory cannot be held; another agent would not notice",
    );
    return { close: () => undefined };
  }
}

function openPrivate(stateDir: string): number {
  try {
    privateDirectory(stateDir);
    return openSync(stateDir, "r");
  } catch (cause) {
    throw new Fault("FailedPrecondition", `--state-dir ${stateDir} cannot be used`, { cause });
  }
}

async function listen(address: string, stateDir: string): Promise<() => Promise<void>> {
  const server = createServer((socket) => socket.destroy()).unref();
  const attempt = async () => {
    server.listen(address);
    await once(server, "listening");
  };
  try {
    await attempt();
  } catch (error) {
    if (systemCode(error) !== "EADDRINUSE") throw error;
    if (await answers(address)) {
      throw new Fault(
        "FailedPrecondition",
        `${stateDir} is in use by another agent: end that one, or choose another --state-dir`,
      );
    }
    // Left behind by one that was killed.
    rmSync(address, { force: true });
    await attempt();
  }
  return () => new Promise((resolve) => server.close(() => resolve()));
}

async function answers(address: string): Promise<boolean> {
  const socket = connect(address);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
