import type { Store, Transaction } from "@holdfast/inventory";
import { type Order, OrderKey, orderKeyId, signOrder } from "@holdfast/protocol/orders";
import type { Clock } from "@holdfast/runtime";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { Value } from "typebox/value";
import { readSetting, writeSetting } from "../database/settings.ts";

export interface OrderKeys {
  readonly publicKey: OrderKey;
  readonly keyId: string;
}

/**
 * Signs what this site orders of its machines. The key is made at the first start and stays with the site's disk; with another
 * disk there is another key, which machines ask for.
 */
export class SiteOrders implements OrderKeys {
  readonly publicKey: OrderKey;
  readonly keyId: string;
  readonly #site: string;
  readonly #store: Store;
  readonly #clock: Pick<Clock, "now">;
  readonly #key: CryptoKey;

  private constructor(parts: OrderKeys & { site: string; store: Store; clock: Pick<Clock, "now">; key: CryptoKey }) {
    this.publicKey = parts.publicKey;
    this.keyId = parts.keyId;
    this.#site = parts.site;
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#key = parts.key;
  }

  static async load(parts: { site: string; store: Store; clock: Pick<Clock, "now"> }): Promise<SiteOrders> {
    const stored = await parts.store.read((view) => readSetting(view, "orderKey"));
    const jwk = stored ?? (await newKey());
    if (stored === undefined) await parts.store.write((transaction) => writeSetting(transaction, "orderKey", jwk));
    const publicKey = Value.Parse(OrderKey, { kty: jwk.kty, crv: jwk.crv, x: jwk.x });
    const key = (await importJWK(jwk, "EdDSA")) as CryptoKey;
    return new SiteOrders({ ...parts, publicKey, keyId: await orderKeyId(publicKey), key });
  }

  /** The order, signed, with a sequence that is higher than that of any before. Signed again it is another order. */
  async sign(order: Omit<Order, "site" | "sequence">): Promise<string> {
    const sequence = await this.#store.write((transaction) => this.#next(transaction));
    return signOrder({ ...order, site: this.#site, sequence }, { key: this.#key, keyId: this.keyId });
  }

  /** Not less than the time, so that a site whose disk was put back to an older state is obeyed all the same. */
  async #next(transaction: Transaction): Promise<number> {
    const before = (await readSetting(transaction, "orderSequence")) ?? 0;
    const sequence = Math.max(before + 1, this.#clock.now());
    await writeSetting(transaction, "orderSequence", sequence);
    return sequence;
  }
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  return exportJWK(privateKey);
}
