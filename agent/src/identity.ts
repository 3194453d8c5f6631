import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Log } from "@holdfast/runtime";
import { type Static, Type } from "typebox";
import { privateDirectory, readDocument, writeDocument } from "./durable-file.ts";

const Machine = Type.Object({ machine: Type.String({ pattern: "^[0-9a-f-]{16,64}$" }) });

/** One level of a topic, for ids become part of topics. */
const Level = Type.String({ pattern: "^[A-Za-z0-9_.-]{1,64}$" });

/** What a site gave this machine when it admitted it. */
export const Enrolment = Type.Object({
  hostId: Level,
  siteId: Level,
  secret: Type.String({ minLength: 1, maxLength: 512 }),
  mqttPort: Type.Integer({ minimum: 1, maximum: 65_535 }),
  siteUrl: Type.String(),
});

export type Enrolment = Readonly<Static<typeof Enrolment>>;

/** Who this machine is: a creation id made once, and, after enrolment, the host that a site made of it. */
export interface Identity {
  /** The same for as long as the state directory lives: an enrolment asked twice admits one host. */
  readonly machine: string;
  readonly enrolment: Enrolment | undefined;
  /** Durable when it returns. */
  enrolled(enrolment: Enrolment): void;
}

/** Opens, and where needed makes, the identity in a state directory. Never overwrites a file it cannot understand. */
export function openIdentity(stateDir: string, log: Log): Identity {
  privateDirectory(stateDir);
  const machineFile = join(stateDir, "machine.json");
  const enrolmentFile = join(stateDir, "enrolment.json");
  let machine = readDocument(machineFile, Machine, log)?.machine;
  if (machine === undefined) {
    machine = randomUUID();
    writeDocument(machineFile, { machine });
  }
  let enrolment: Enrolment | undefined = readDocument(enrolmentFile, Enrolment, log);
  return {
    machine,
    get enrolment() {
      return enrolment;
    },
    enrolled: (given) => {
      writeDocument(enrolmentFile, given);
      enrolment = given;
    },
  };
}
