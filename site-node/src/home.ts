import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Closable, Fault } from "@holdfast/runtime";
import { writePrivate } from "@holdfast/runtime/home";

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
export function announceUrl(home: string, url: string, name: "site-url" | "metrics-url" = "site-url"): Closable {
  const path = join(home, name);
  writePrivate(path, url);
  return { close: () => rmSync(path, { force: true }) };
}
