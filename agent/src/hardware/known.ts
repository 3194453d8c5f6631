/**
 * The fields that are known. A reader may name every field of a message; the report then holds only those that were found.
 */
export function onlyKnown<T extends object>(fields: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** The same, but undefined when nothing at all is known. An empty list is nothing known. */
export function anyKnown<T extends object>(fields: { [Key in keyof T]: T[Key] | undefined }): T | undefined {
  const known = onlyKnown<T>(fields);
  const found = Object.values(known).some((value) => !(Array.isArray(value) && value.length === 0));
  return found ? known : undefined;
}

/** A whole number of zero or more, as sysfs writes it: decimal, or hexadecimal after 0x. */
export function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0x[0-9a-f]{1,13}|\d{1,16})$/i.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** 1 or 0, as sysfs writes a flag. */
export function flag(text: string | undefined): boolean | undefined {
  return text === "1" ? true : text === "0" ? false : undefined;
}

/** The processors in a list as the kernel writes it, "0-3,8": at most 8,192 of them. */
export function numberList(text: string | undefined): number[] {
  const numbers: number[] = [];
  for (const range of text?.split(",") ?? []) {
    const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range.trim()) ?? [];
    if (first === undefined) continue;
    for (let number = Number(first); number <= Number(last ?? first) && numbers.length < 8192; number++) {
      numbers.push(number);
    }
  }
  return numbers;
}
