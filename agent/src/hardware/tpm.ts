import type { Tpm } from "@holdfast/protocol/messages";
import { onlyKnown, wholeNumber } from "./known.ts";
import type { Tree } from "./tree.ts";

/** The first TPM with a driver; undefined when the kernel has found none. */
export async function readTpm(tree: Tree): Promise<Tpm | undefined> {
  const name = (await tree.list("/sys/class/tpm"))?.[0];
  if (name === undefined) return undefined;
  return onlyKnown<Tpm>({ versionMajor: wholeNumber(await tree.text(`/sys/class/tpm/${name}/tpm_version_major`)) });
}
