/** Whether a topic matches a subscription's filter. MQTT 3.1.1 §4.7. */
export function matchesFilter(filter: string, topic: string): boolean {
  const [wanted, levels] = [filter.split("/"), topic.split("/")];
  // §4.7.2: a wildcard at the start does not match what begins with $.
  if (topic.startsWith("$") && (wanted[0] === "#" || wanted[0] === "+")) return false;
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return true;
    if (index >= levels.length) return false;
    if (level !== "+" && level !== levels[index]) return false;
  }
  return wanted.length === levels.length;
}

/** The levels before a filter's first wildcard, joined: everything it matches begins so. */
export function literalPrefix(filter: string): string {
  const levels = filter.split("/");
  const wildcard = levels.findIndex((level) => level === "+" || level === "#");
  return (wildcard === -1 ? levels : levels.slice(0, wildcard)).join("/");
}

/** Whether a filter names one topic. */
export function isLiteral(filter: string): boolean {
  return !/[+#]/.test(filter);
}
