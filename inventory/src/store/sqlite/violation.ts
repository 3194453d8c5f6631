import { systemCode } from "@holdfast/runtime";
import type { Violation } from "../faults.ts";

/** What a constraint error of SQLite refused; it names the columns of a unique index, and nothing of a foreign key. */
export function violationOf(error: unknown): Violation | undefined {
  switch (systemCode(error)) {
    case "SQLITE_CONSTRAINT_PRIMARYKEY":
      return { of: "key" };
    case "SQLITE_CONSTRAINT_UNIQUE":
      return { of: "unique", columns: columnsIn(error) };
    case "SQLITE_CONSTRAINT_FOREIGNKEY":
    case "SQLITE_CONSTRAINT_TRIGGER":
      return { of: "reference" };
    default:
      return undefined;
  }
}

/** `UNIQUE constraint failed: host.tenant_id, host.serial_number` */
function columnsIn(error: unknown): string[] {
  const text = error instanceof Error ? error.message : "";
  return [...text.matchAll(/\w+\.(\w+)/g)].flatMap(([, column]) => column ?? []);
}
