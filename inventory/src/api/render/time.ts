let second = Number.NaN;
let upToSecond = "";

/** A time as the API shows it, of milliseconds since the epoch. */
export function rfc3339(milliseconds: number): string {
  const whole = Math.floor(milliseconds / 1_000);
  const fraction = milliseconds - whole * 1_000;
  // Of a page's times many are of one second; to format a date takes longer than to show all else of a row's bookkeeping.
  if (whole !== second) {
    upToSecond = new Date(whole * 1_000).toISOString().slice(0, -4);
    second = whole;
  }
  return `${upToSecond}${String(fraction).padStart(3, "0")}Z`;
}
