import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";

/** A command and the Debian package that brings it. */
type Need = readonly [command: string, packageName: string];

/**
 * Installs the packages of commands that are missing, when this is root on a system with apt. No service that a package
 * brings is started.
 */
export async function provide(needs: readonly Need[]): Promise<void> {
  const missing = missingPackages(needs);
  if (missing.length === 0 || process.getuid?.() !== 0 || !onPath("apt-get")) return;
  console.error(`holdfast: installing Debian packages: ${missing.join(" ")}`);
  // In runlevel 1 maintainers' scripts start no services.
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const run = (...arguments_: string[]) =>
    spawnSync("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=300", ...arguments_], {
      env: environment,
      stdio: ["ignore", "ignore", "inherit"],
    });
  run("update");
  run("install", "-y", "--no-install-recommends", ...missing);
}

/** The packages of those commands that are not there. */
export function missingPackages(needs: readonly Need[]): string[] {
  return [...new Set(needs.filter(([command]) => !onPath(command)).map(([, packageName]) => packageName))];
}

function onPath(command: string): boolean {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(`${folder}/${command}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
