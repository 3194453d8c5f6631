/** One structure of the SMBIOS table (DSP0134 3.7 §6.1). Offsets are those of the specification, the header included. */
export interface Structure {
  readonly type: number;
  readonly handle: number;
  readonly formatted: Buffer;
  readonly strings: readonly string[];
  /** The whole structure as it stands in the table. */
  readonly raw: Buffer;
}

const HEADER = 4;
const END_OF_TABLE = 127;
const MOST_STRUCTURES = 4096;

/**
 * The structures of a raw table, as far as it makes sense: a structure that is cut off or shorter than its own header ends
 * it. Never throws, and reads each byte once.
 */
export function parseTable(table: Buffer): Structure[] {
  const structures: Structure[] = [];
  let at = 0;
  while (at + HEADER <= table.length && structures.length < MOST_STRUCTURES) {
    const type = table.readUInt8(at);
    const length = table.readUInt8(at + 1);
    if (length < HEADER || at + length > table.length) break;
    const { strings, end } = readStrings(table, at + length);
    structures.push({
      type,
      handle: table.readUInt16LE(at + 2),
      formatted: table.subarray(at, at + length),
      strings,
      raw: table.subarray(at, end),
    });
    if (type === END_OF_TABLE) break;
    at = end;
  }
  return structures;
}

/** §6.1.3: strings end with a NUL each, the set with one more; a set without strings is two NULs. */
function readStrings(table: Buffer, start: number): { strings: string[]; end: number } {
  const strings: string[] = [];
  let at = start;
  while (at < table.length && table[at] !== 0) {
    const stop = table.indexOf(0, at);
    const end = stop === -1 ? table.length : stop;
    strings.push(table.toString("latin1", at, end));
    at = end + 1;
  }
  return { strings, end: Math.min(table.length, strings.length === 0 ? start + 2 : at + 1) };
}

/** A byte, word or double word of a structure; undefined past the end of an older, shorter one. */
export function byteAt({ formatted }: Structure, offset: number): number | undefined {
  return formatted[offset];
}

export function wordAt({ formatted }: Structure, offset: number): number | undefined {
  return offset + 2 <= formatted.length ? formatted.readUInt16LE(offset) : undefined;
}

export function doubleWordAt({ formatted }: Structure, offset: number): number | undefined {
  return offset + 4 <= formatted.length ? formatted.readUInt32LE(offset) : undefined;
}

/** The string whose number stands at the offset; undefined when there is none of that number. */
export function stringAt(structure: Structure, offset: number): string | undefined {
  const number = byteAt(structure, offset);
  return number === undefined || number === 0 ? undefined : structure.strings[number - 1];
}

/** The version of the entry point, major × 256 + minor (§5.2); undefined when it is none. */
export function entryPointVersion(entryPoint: Buffer): number | undefined {
  const at =
    entryPoint.toString("latin1", 0, 5) === "_SM3_"
      ? 7
      : entryPoint.toString("latin1", 0, 4) === "_SM_"
        ? 6
        : undefined;
  return at === undefined || entryPoint.length < at + 2 ? undefined : entryPoint.readUInt16BE(at);
}
