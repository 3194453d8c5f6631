import type { Store, Transaction } from "@holdfast/inventory";
import type { EnrolRequest } from "@holdfast/protocol/enrolment";
import { Host } from "@holdfast/protocol/kinds/host";
import { type Clock, Fault, type FaultCode, hashSecret, newSecret } from "@holdfast/runtime";
import { siteTables } from "../database/tables.ts";
import { type Credentials, hostsOf, machineOf, storeCredential } from "../hosts/credentials.ts";
import { expel } from "../hosts/expulsion.ts";
import { observe } from "../hosts/observe.ts";
import { NOT_CONNECTED } from "../hosts/statuses.ts";
import type { Intents } from "../intents/intents.ts";
import { holdsBothScopes } from "../intents/synced.ts";
import { takeLentId } from "../outbox/id-pool.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { nameFrom, realSerial, realUuid } from "./machine-identity.ts";
import { type Candidate, matchHost } from "./match.ts";
import { judgeToken } from "./token.ts";

export type Admission =
  | {
      readonly admitted: true;
      readonly hostId: string;
      readonly secret: string;
      /** Hosts at which a machine is still to be put out: whoever was this host before, and what this machine was. */
      readonly putOut: readonly string[];
    }
  | { readonly admitted: false; readonly code: FaultCode; readonly reason: string };

export interface AdmitOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly intents: Intents;
  readonly credentials: Credentials;
  /** Undefined until the hub has been heard once. */
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  /** What expires by it stays expired (rule 22). */
  readonly clock: Pick<Clock, "now">;
}

const TOKEN_REFUSED = {
  unknown: "the enrolment token is not known at this site",
  used: "the enrolment token has been used",
  expired: "the enrolment token has expired",
} as const;

/**
 * Admits a machine: spends its token, binds it to a host, gives it a secret, and journals what the hub must hear, in one
 * transaction. The link's state makes no difference. Asked again by the same machine, it gives another secret for the same host.
 */
export async function admit(options: AdmitOptions, request: EnrolRequest): Promise<Admission> {
  const of = await options.replicaOf();
  if (!of) return refused("Unavailable", "this site has not reached its hub yet, so it knows no enrolment token");
  const secret = newSecret("hfm");
  let admission: Admission;
  try {
    admission = await options.store.write((transaction) =>
      new Admitting(options, transaction, of).run(request, secret),
    );
  } catch (error) {
    if (error instanceof Fault) return refused(error.code, error.message);
    throw error;
  }
  if (admission.admitted) await options.credentials.refresh();
  return admission;
}

class Admitting {
  readonly #options: AdmitOptions;
  readonly #transaction: Transaction;
  readonly #of: ReplicaOf;

  constructor(options: AdmitOptions, transaction: Transaction, of: ReplicaOf) {
    this.#options = options;
    this.#transaction = transaction;
    this.#of = of;
  }

  async run(request: EnrolRequest, secret: string): Promise<Admission> {
    const { machine, token } = request;
    const now = this.#options.clock.now();
    if (!(await holdsBothScopes(this.#transaction, this.#of))) {
      return refused(
        "Unavailable",
        "this site is still fetching what its hub knows, and with it which machines are expected",
      );
    }
    const use = await judgeToken(this.#transaction, { hash: hashSecret(token), machine, now });
    if (use.is === "refused") return refused("Unauthenticated", TOKEN_REFUSED[use.reason]);
    const host = await this.#hostFor(request, use.hostId);
    if ("code" in host) return { admitted: false, ...host };
    if (use.is === "fresh") await this.#spend(use.id, { token, machine, host: host.id });
    const putOut = await this.#replace(host.id, machine);
    await this.#know(host.id, { hash: hashSecret(secret), machine, at: now });
    await this.#options.outbox.event(this.#transaction, {
      kind: "host",
      subject: host.id,
      event: "enrolled",
      detail: { machine, agent: request.agent, again: use.is === "again" },
    });
    return { admitted: true, hostId: host.id, secret, putOut };
  }

  /** The hub keeps by what the machine is known, so that the host's next site knows it too, and this one with a new disk. */
  async #know(host: string, credential: { hash: string; machine: string; at: number }): Promise<void> {
    await storeCredential(this.#transaction, { host, ...credential });
    await this.#options.outbox.add(this.#transaction, { type: "credential", hostId: host, ...credential });
  }

  /** A machine is one host and a host one machine: what either was before ends here. */
  async #replace(host: string, machine: string): Promise<string[]> {
    const { outbox, clock } = this.#options;
    const at = clock.now();
    const putOut: string[] = [];
    const before = await machineOf(this.#transaction, host);
    if (before !== undefined && before !== machine) {
      await expel(this.#transaction, outbox, { host, by: "other-machine", at });
      putOut.push(host);
    }
    for (const other of await hostsOf(this.#transaction, machine)) {
      if (other === host) continue;
      await expel(this.#transaction, outbox, { host: other, by: "other-host", at });
      const seen = { statuses: { hostStatus: NOT_CONNECTED } };
      await observe(this.#transaction, { outbox, of: this.#of, now: at }, { id: other, seen });
      putOut.push(other);
    }
    return putOut;
  }

  async #hostFor(
    request: EnrolRequest,
    tokenHost: string | undefined,
  ): Promise<{ id: string } | { code: FaultCode; reason: string }> {
    const { site } = this.#of;
    const match = matchHost(
      {
        site,
        machine: request.machine,
        serialNumber: request.serialNumber,
        uuid: request.uuid,
        uuidDerived: request.uuidDerived ?? false,
        tokenHost,
      },
      await this.#candidates(tokenHost),
    );
    if (match.is === "refused") return { code: "FailedPrecondition", reason: match.reason };
    if (match.is === "new") return this.#newHost(request);
    if (match.claim) await this.#claim(match.id);
    await this.#options.intents.bind(this.#transaction, match.id);
    return { id: match.id };
  }

  /** A token that names its host admits to no other, so no other is read: reading all takes as long as there are many. */
  async #candidates(tokenHost: string | undefined): Promise<Candidate[]> {
    const bound = await siteTables(this.#transaction).selectFrom("credential").select(["host", "machine"]).execute();
    const machines = new Map(bound.map(({ host, machine }) => [host, machine]));
    const { tenant } = this.#of;
    const named = tokenHost === undefined ? undefined : await this.#transaction.getMany(Host, tenant, [tokenHost]);
    const resources = named ? [...named.values()] : (await this.#transaction.list(Host, { tenant })).resources;
    return resources.map(({ resourceId: id, owner, fields }) => ({
      id,
      owner,
      serialNumber: fields.serialNumber,
      uuid: fields.uuid,
      siteId: fields.siteId as string | undefined,
      desiredState: fields.desiredState,
      machine: machines.get(id),
    }));
  }

  async #claim(id: string): Promise<void> {
    const { site } = this.#of;
    const edit = { id, field: "siteId", value: site, actor: `site:${site}` };
    await this.#options.intents.edit(this.#transaction, this.#of, Host, edit);
  }

  async #newHost(request: EnrolRequest): Promise<{ id: string } | { code: FaultCode; reason: string }> {
    const { site } = this.#of;
    const id = await takeLentId(this.#transaction, Host.prefix);
    if (id === undefined) {
      // An entry in the outbox makes a batch, and the batch asks the hub for ids.
      await this.#options.outbox.event(this.#transaction, { kind: "site", subject: site, event: "ids-exhausted" });
      return {
        code: "Unavailable",
        reason:
          "this site has no host id left to give to a machine that is not registered: the hub lends more when it is reached",
      };
    }
    const [uuid, serialNumber] = [realUuid(request.uuid), realSerial(request.serialNumber)];
    await this.#options.intents.create(this.#transaction, this.#of, Host, {
      id,
      creation: request.machine,
      bound: true,
      actor: `site:${site}`,
      fields: {
        name: nameFrom(request.hostname, id),
        siteId: site,
        desiredState: "HOST_STATE_ONBOARDED",
        desiredPowerState: "POWER_STATE_ON",
        powerCommandPolicy: "POWER_COMMAND_POLICY_ORDERED",
        ...(uuid === undefined ? {} : { uuid }),
        ...(serialNumber === undefined ? {} : { serialNumber }),
      },
    });
    return { id };
  }

  async #spend(id: string, { token, machine, host }: { token: string; machine: string; host: string }): Promise<void> {
    const at = this.#options.clock.now();
    await siteTables(this.#transaction)
      .insertInto("enrolment_used")
      .values({ id, token_hash: hashSecret(token), machine, host, at })
      .execute();
    await this.#options.outbox.add(this.#transaction, { type: "enrolment-used", id, hostId: host, at });
  }
}

function refused(code: FaultCode, reason: string): Admission {
  return { admitted: false, code, reason };
}
