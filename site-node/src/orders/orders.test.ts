import { orderKeyProof } from "@holdfast/protocol/enrolment";
import { OrderKeyReply, orderKeyId, verifyOrder } from "@holdfast/protocol/orders";
import fastify from "fastify";
import { Value } from "typebox/value";
import { expect, test } from "vitest";
import { SITE, TestSite } from "../testing/test-site.ts";
import { SiteOrders } from "./orders.ts";
import { orderKeyRoute } from "./route.ts";

const HOST = "host-00000001";
const ORDER = { host: HOST, id: "order-1", type: "power", arguments: "{}", notAfter: 1_000 };
const EXPECTED = { site: SITE, host: HOST, sequence: 0, now: 0 };

test("orders are signed by a key that stays with the site, each with a higher sequence than any before", async () => {
  await using site = await TestSite.open();
  const clock = { now: () => 500 };
  const orders = await SiteOrders.load({ site: SITE, store: site.store, clock });
  const again = await SiteOrders.load({ site: SITE, store: site.store, clock });
  expect(again.keyId).toBe(orders.keyId);
  const signed = [await orders.sign(ORDER), await orders.sign(ORDER), await again.sign(ORDER)];
  const verdicts = await Promise.all(signed.map((each) => verifyOrder(each, orders.publicKey, EXPECTED)));
  expect(verdicts.map((each) => each.is === "valid" && each.order.sequence)).toEqual([500, 501, 502]);
});

test("a site whose disk was put back to an older state is obeyed: its sequences are not less than the time", async () => {
  await using site = await TestSite.open();
  const orders = await SiteOrders.load({ site: SITE, store: site.store, clock: { now: () => 9_000 } });
  const verdict = await verifyOrder(await orders.sign(ORDER), orders.publicKey, { ...EXPECTED, sequence: 8_999 });
  expect(verdict).toMatchObject({ is: "valid" });
});

test("a machine that the site knows is told the key, with a proof for it alone, and nobody is told the private one", async () => {
  await using site = await TestSite.open();
  const orders = await SiteOrders.load({ site: SITE, store: site.store, clock: { now: () => 1 } });
  const app = fastify();
  orderKeyRoute(app, { site: SITE, orders, credentials: { hashOf: (host) => (host === HOST ? "hash" : undefined) } });
  const ask = (body: object) => app.inject({ method: "POST", url: "/v1/order-key", body });
  const nonce = "0".repeat(32);
  const answer = await ask({ hostId: HOST, nonce });
  const reply = Value.Parse(OrderKeyReply, answer.json());
  const keyId = await orderKeyId(reply.key);
  expect(reply.proof).toBe(orderKeyProof("hash", { hostId: HOST, siteId: SITE, nonce, keyId }));
  expect(Object.keys(answer.json().key).toSorted()).toEqual(["crv", "kty", "x"]);
  expect((await ask({ hostId: "host-ffffffff", nonce })).statusCode).toBe(404);
  expect((await ask({ hostId: HOST, nonce: "short" })).statusCode).toBe(400);
});
