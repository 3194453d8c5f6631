// `npm run soak`: installs what it needs of Debian where it can, and becomes `test/soak/main.ts`.
import { fileURLToPath } from "node:url";
import { requireNode24 } from "@holdfast/runtime";
import { provide } from "./debian.ts";

requireNode24();
const given = process.argv.slice(2);
const isSmall = ["--help", "-h", "relay", "--links=relay"].some((word) => given.includes(word));
if (!isSmall) {
  await provide([
    ["nft", "nftables"],
    ["ip", "iproute2"],
    ["nsenter", "util-linux"],
  ]);
}
const main = fileURLToPath(new URL("../test/soak/main.ts", import.meta.url));
// Replacing this process leaves no one between a signal and the soak.
process.execve?.(process.execPath, [process.execPath, main, ...given], process.env);
