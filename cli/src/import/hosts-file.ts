import { messageOf } from "@holdfast/runtime";
import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";

/** The header that EIM's own command reads and writes. */
export const COLUMNS = [
  "Serial",
  "UUID",
  "OSProfile",
  "Site",
  "Secure",
  "RemoteUser",
  "Metadata",
  "LVMSize",
  "CloudInitMeta",
  "K8sEnable",
  "K8sClusterTemplate",
  "K8sConfig",
  "Error - do not fill",
] as const;

export type Column = (typeof COLUMNS)[number];
export const ERROR: Column = "Error - do not fill";

/** One line of the file: what stands in each column, without the blanks around it. */
export interface Row {
  /** In the file, from 1. */
  readonly line: number;
  readonly cells: Readonly<Record<Column, string>>;
}

/** What is wrong with a row, and with which of its columns when it is one. */
export interface Complaint {
  readonly column?: Column;
  readonly says: string;
}

/** The rows of a file. Throws an error naming the line of what is no CSV, or the column that is none of the header's. */
export function readHosts(text: string): Row[] {
  const [header, ...lines] = recordsOf(text);
  if (!header) throw new Error(`is empty: its first line must be ${COLUMNS.join(",")}`);
  const order = header.record.map((name) => {
    const column = COLUMNS.find((each) => each.toLowerCase() === name.toLowerCase());
    if (!column) throw new Error(`line 1: "${name}" is none of the columns ${COLUMNS.join(",")}`);
    return column;
  });
  const twice = order.find((column, at) => order.indexOf(column) !== at);
  if (twice) throw new Error(`line 1: the column ${twice} is there twice`);
  return lines.map(({ record, line }) => {
    if (record.length > order.length) throw new Error(`line ${line}: has more cells than the header has columns`);
    const given = Object.fromEntries(order.map((column, at) => [column, record[at] ?? ""]));
    const blank = Object.fromEntries(COLUMNS.map((column) => [column, ""])) as Record<Column, string>;
    return { line, cells: { ...blank, ...given } };
  });
}

/** A file with these rows, each with what is wrong with it: one that can be mended and read again. */
export function writeHosts(rows: readonly Row[], complaintsOf: (row: Row) => readonly Complaint[]): string {
  const records = rows.map((row) => ({ ...row.cells, [ERROR]: sentence(complaintsOf(row)) }));
  return stringify(records, { header: true, columns: [...COLUMNS] });
}

/** Complaints as one line. */
export function sentence(complaints: readonly Complaint[]): string {
  return complaints.map(({ column, says }) => (column ? `${column}: ${says}` : says)).join("; ");
}

interface Recorded {
  readonly record: readonly string[];
  readonly line: number;
}

function recordsOf(text: string): Recorded[] {
  try {
    const found = parse(text, {
      bom: true,
      info: true,
      relaxColumnCount: true,
      skipRecordsWithEmptyValues: true,
      trim: true,
    });
    return (found as unknown as { record: string[]; info: { lines: number } }[]).map(({ record, info }) => ({
      record,
      line: info.lines,
    }));
  } catch (cause) {
    throw new Error(`is no CSV: ${messageOf(cause)}`, { cause });
  }
}
