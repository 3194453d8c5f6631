import { refusal } from "./check-value.ts";

/** What changes without anyone's wish: a body that repeats an older value of it says nothing. */
const VOLATILE = new Set([
  "timestamps",
  "observation",
  "observedGeneration",
  "generation",
  "misplaced",
  "openConflicts",
  "totalSites",
]);

const DEEPEST = 12;

/**
 * Throws InvalidArgument, naming the field, unless everything that a body says of read-only fields is what stands: so a
 * resource can be read, edited and sent back whole, and a wish that nobody would fulfil is refused.
 */
export function refuseFalseClaims(
  claims: Readonly<Record<string, unknown>>,
  standing: Readonly<Record<string, unknown>>,
): void {
  for (const [name, claimed] of Object.entries(claims)) {
    if (VOLATILE.has(name) || agrees(claimed, standing[name], 0)) continue;
    throw refusal(name, "is read-only, and not what stands");
  }
}

function agrees(claimed: unknown, standing: unknown, depth: number): boolean {
  if (claimed === standing || (isNothing(claimed) && isNothing(standing))) return true;
  if (depth > DEEPEST || claimed === null || standing === null) return false;
  if (typeof claimed !== "object" || typeof standing !== "object") return false;
  if (Array.isArray(claimed)) {
    if (!Array.isArray(standing) || claimed.length !== standing.length) return false;
    return claimed.every((item, index) => agrees(item, standing[index], depth + 1));
  }
  const known = standing as Readonly<Record<string, unknown>>;
  return Object.entries(claimed).every(
    ([name, value]) =>
      VOLATILE.has(name) || agrees(value, Object.hasOwn(known, name) ? known[name] : undefined, depth + 1),
  );
}

/** The defaults that an answer shows for what nobody knows. */
function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === "0" || value === 0) return true;
  if (value === false || (Array.isArray(value) && value.length === 0)) return true;
  return typeof value === "string" && value.endsWith("_UNSPECIFIED");
}
