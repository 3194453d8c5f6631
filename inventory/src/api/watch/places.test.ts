import { expect, test } from "vitest";
import { Places } from "./places.ts";

function place(tenant: string, caller: string) {
  const ended: string[] = [];
  return {
    tenant,
    caller,
    actor: "service:backup",
    ended,
    end: (reason?: Error) => void ended.push(reason?.message ?? ""),
  };
}

/** Takes so many places, each caller as many as one may have. */
function fill(places: Places, tenant: string, count: number) {
  return Array.from({ length: count }, (_, at) => {
    const each = place(tenant, `${tenant} ${Math.floor(at / 50)}`);
    places.take(each);
    return each;
  });
}

test("callers of one name are told apart by their tokens", () => {
  const places = new Places();
  const [first] = fill(places, "acme", 50);
  expect(() => places.take(place("acme", "acme 0"))).toThrow("service:backup watches 50 lists already");
  places.take(place("other", "other 0"));
  if (first) places.leave(first);
  places.take(place("acme", "acme 0"));
});

test("a tenant that takes all places leaves the others theirs", () => {
  const places = new Places(100);
  const taken = fill(places, "acme", 100);
  fill(places, "other", 50);
  expect(taken.flatMap(({ ended }) => ended)).toHaveLength(50);
  expect(taken.slice(0, 50).flatMap(({ ended }) => ended)).toEqual([]);
  expect(taken.at(-1)?.ended).toEqual(["the place is needed for others: go on by the cursor"]);
  for (const tenant of ["acme", "other"]) {
    expect(() => places.take(place(tenant, `${tenant} more`))).toThrow("too many watch already");
  }
});
