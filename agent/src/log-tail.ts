/** The last log lines of this process, for the site to ask for: at most so many bytes, dropped from the front. */
export interface LogTail {
  /** Takes what a logger writes, a line or several at once. */
  write(text: string): void;
  /** The latest lines that fit, oldest first, after leaving out `skip` of the latest; `more` tells of older ones. */
  lines(options: { skip: number; characters: number }): { lines: string[]; more: boolean };
}

const BYTES = 64 * 1024;
const LINE_MOST = 4 * 1024;

/** An empty tail. Longer lines are cut. */
export function createLogTail(bytes = BYTES): LogTail {
  const kept: string[] = [];
  let size = 0;
  return {
    write: (text) => {
      for (const line of text.split("\n")) {
        if (line === "") continue;
        const cut = line.slice(0, LINE_MOST);
        kept.push(cut);
        size += Buffer.byteLength(cut);
      }
      while (size > bytes) size -= Buffer.byteLength(kept.shift() ?? "");
    },
    lines: ({ skip, characters }) => {
      const lines: string[] = [];
      let room = characters;
      let at = kept.length - 1 - skip;
      for (; at >= 0; at -= 1) {
        const line = kept[at] ?? "";
        // As JSON, for quotes inside a line count twice there.
        room -= JSON.stringify(line).length + 1;
        if (room < 0) break;
        lines.unshift(line);
      }
      return { lines, more: at >= 0 };
    },
  };
}
