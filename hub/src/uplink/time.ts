/** The last moment that a date can be (ECMA-262 §21.4.1.1). */
const LAST_TIME = 8_640_000_000_000_000;

/** Whether this is a time that can be shown: whole milliseconds since the epoch. */
export function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= LAST_TIME;
}
