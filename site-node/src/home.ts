import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Closable, Fault, systemCode } from "@holdfast/runtime";
import { openSqlite } from "@holdfast/runtime/sqlite";

/** Makes the home, readable by its owner alone, and holds it: two site-nodes on one home would be two sites at once. */
export function holdHome(home: string): Closable {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  chmodSync(home, 0o700);
  // A lock of SQLite's goes with the process, however that ends; a file with a pid in it would not.
  const lock = openSqlite(join(home, "lock.db"));
  try {
    lock.pragma("busy_timeout = 0");
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    if (systemCode(cause) !== "SQLITE_BUSY") throw cause;
    throw new Fault(
      "FailedPrecondition",
      `${home} is in use by another site-node: end that one, or choose another --home`,
      {
        cause,
      },
    );
  }
  return {
    close: () => {
      lock.close();
    },
  };
}

/** The site's secret, from its file. Throws InvalidArgument naming the setting. */
export function readToken(tokenFile: string): string {
  let token: string;
  try {
    token = readFileSync(tokenFile, "utf8").trim();
  } catch (cause) {
    throw new Fault("InvalidArgument", `--token-file ${tokenFile} cannot be read`, { cause });
  }
  // What a header can carry: anything else would fail at every request instead of here.
  if (!/^[\x21-\x7e]{8,512}$/.test(token))
    throw new Fault("InvalidArgument", `--token-file ${tokenFile} holds no token`);
  return token;
}

/** Says in the home where the local API answers, for programs on this machine; taken away when the site-node closes. */
export function announceUrl(home: string, url: string): Closable {
  const path = join(home, "site-url");
  writeFileSync(`${path}.new`, `${url}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return { close: () => rmSync(path, { force: true }) };
}
