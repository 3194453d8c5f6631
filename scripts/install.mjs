// Installs the dependencies when the lock file has changed since the last time. It runs on whatever Node a machine has,
// before anything is installed: plain JavaScript, built-in modules only.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const [major] = process.versions.node.split(".").map(Number);
if (major < 20) {
  console.error(`holdfast: Node ${process.version} is too old to start npm here; install Node 20 or newer`);
  process.exit(1);
}
process.chdir(new URL("..", import.meta.url).pathname);
const stamp = "node_modules/.holdfast-installed";
const wanted = createHash("sha256").update(readFileSync("package-lock.json")).update(process.arch).digest("hex");
if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) process.exit(0);
console.error("holdfast: installing dependencies (npm ci)…");
const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { stdio: ["ignore", 2, 2] });
if (status !== 0) process.exit(status ?? 1);
if (!existsSync("node_modules/.bin/node")) {
  console.error(
    `holdfast: npm installed no Node 24 for ${process.platform} ${process.arch}; Linux on x64 or arm64 is needed`,
  );
  process.exit(1);
}
writeFileSync(stamp, wanted);
