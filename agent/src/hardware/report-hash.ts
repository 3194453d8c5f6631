import { createHash } from "node:crypto";
import type { HardwareReport } from "@holdfast/protocol/messages";

/**
 * SHA-256, in hex, over everything in a report but `hash` and `observedAt`. Link state and addresses count: an operator
 * wants to see a cable pulled. What changes by itself, as free memory does, is in no report.
 */
export function reportHash(report: HardwareReport): string {
  const { hash: _hash, observedAt: _observedAt, ...lasting } = report;
  return createHash("sha256").update(canonical(lasting)).digest("hex");
}

/** JSON with the names of every object in order, and without what is undefined. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
