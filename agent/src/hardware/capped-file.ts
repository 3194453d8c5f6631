import { closeSync, constants, openSync, read, readSync } from "node:fs";
import { promisify } from "node:util";
import { TooLarge } from "./unreadable.ts";

const readLater = promisify(read);

export interface Cap {
  readonly limit: number;
  readonly beginning: boolean;
  readonly patient: boolean;
}

/**
 * The content of a file that is no link, of at most `limit` bytes; TooLarge is thrown for a longer one unless its beginning is
 * enough. Sysfs and procfs give their files no true size, so it is found by reading, never more than one byte past the limit.
 */
export async function readCapped(path: string, { limit, beginning, patient }: Cap): Promise<Buffer> {
  // O_NONBLOCK: what should be a file may be a pipe that nobody writes to.
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const most = beginning ? limit : limit + 1;
    let content = Buffer.alloc(Math.min(most, 4096));
    let length = 0;
    while (true) {
      const room = content.length - length;
      const found = patient
        ? (await readLater(file, content, length, room, null)).bytesRead
        : readSync(file, content, length, room, null);
      length += found;
      if (found === 0 || length === most) break;
      if (length === content.length) {
        content = Buffer.concat([content, Buffer.alloc(Math.min(content.length, most - content.length))]);
      }
    }
    if (length > limit) throw new TooLarge(`larger than ${limit} bytes`);
    return content.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
