/** A time as the API shows it, of milliseconds since the epoch. */
export function rfc3339(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
