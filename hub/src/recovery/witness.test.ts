import { openSqliteStore } from "@holdfast/inventory";
import { siteScope, tenantScope, type Witness } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { createReceipts, type Receipts } from "../receipts.ts";
import { lossProvenBy, type Standing } from "./witness.ts";

const SITE = "site-00000001";
const TENANT = "11111111-1111-4111-8111-111111111111";
const here: Standing = {
  site: SITE,
  tenant: TENANT,
  epoch: "e1",
  position: 50,
  stream: { incarnation: 7, cursor: 10 },
};

async function receiptsOfAHub(): Promise<Receipts> {
  const store = await openSqliteStore({ path: ":memory:" });
  const receipts = await createReceipts(store);
  await store.close();
  return receipts;
}

const receipts = await receiptsOfAHub();
const cursorAt = (incarnation: number, cursor: number, { site = SITE, epoch = "e1", by = receipts } = {}): Witness => {
  return {
    epoch: "e1",
    cursor: { incarnation, cursor, receipt: by.cursor({ site, epoch, incarnation, cursor }) },
    feed: [],
  };
};
const feedAt = (seq: number, { scope = siteScope(SITE), epoch = "e1", by = receipts } = {}): Witness => {
  return { epoch: "e1", feed: [{ scope, seq, receipt: by.feed({ scope, epoch, seq }) }] };
};
const proven = (witness: Witness, standing: Partial<Standing> = {}) =>
  lossProvenBy(witness, { ...here, ...standing }, receipts);

test("the hub's own receipt beyond the site's cursor proves that history was lost (rule 7)", () => {
  expect(proven(cursorAt(7, 10))).toBeUndefined();
  expect(proven(cursorAt(7, 11))).toEqual({ epoch: "e1", beyond: 50 });
});

test("a receipt for a stream that the hub has never begun proves it as well", () => {
  expect(proven(cursorAt(8, 0))).toEqual({ epoch: "e1", beyond: 50 });
  expect(proven(cursorAt(7, 0), { stream: undefined })).toEqual({ epoch: "e1", beyond: 50 });
});

test("a receipt of an earlier life of the site proves nothing, however far it was", () => {
  expect(proven(cursorAt(6, 1_000))).toBeUndefined();
});

test("a receipt beyond the feeds proves it, and says how far they had got", () => {
  expect(proven(feedAt(50))).toBeUndefined();
  expect(proven(feedAt(51))).toEqual({ epoch: "e1", beyond: 51 });
  expect(proven(feedAt(70, { scope: tenantScope(TENANT) }))).toEqual({ epoch: "e1", beyond: 70 });
});

test("both together are told by the feed's position", () => {
  expect(proven({ ...cursorAt(7, 11), feed: feedAt(60).feed })).toEqual({ epoch: "e1", beyond: 60 });
});

test("a receipt of another epoch, site, scope or hub, or one that was changed, proves nothing", async () => {
  const other = await receiptsOfAHub();
  expect(proven(cursorAt(7, 11, { by: other }))).toBeUndefined();
  expect(proven(cursorAt(7, 11, { site: "site-00000002" }))).toBeUndefined();
  expect(proven(cursorAt(7, 11, { epoch: "e0" }))).toBeUndefined();
  expect(proven({ ...cursorAt(7, 11), epoch: "e0" })).toBeUndefined();
  expect(proven(feedAt(60, { by: other }))).toBeUndefined();
  expect(proven(feedAt(60, { scope: siteScope("site-00000002") }))).toBeUndefined();
  expect(proven(feedAt(60, { epoch: "e0" }))).toBeUndefined();
  const [row] = feedAt(60).feed;
  expect(proven({ epoch: "e1", feed: row ? [{ ...row, seq: 61 }] : [] })).toBeUndefined();
  expect(proven({ epoch: "e1", feed: row ? [{ ...row, receipt: "" }] : [] })).toBeUndefined();
});
