import type { View } from "@holdfast/inventory";

/** In which life the hub is, by the snapshot that is read. */
export async function epochOf(view: Pick<View, "setting">): Promise<string> {
  return (await view.setting("epoch")) ?? "";
}
