import { registerHooks } from "node:module";

interface Forgetful {
  clear(): void;
}

const KEPT = Symbol.for("holdfast.test.kept-state");
const kept: Forgetful[] = [];
Object.assign(globalThis, { [KEPT]: kept });

/** Modules that keep something for as long as their process lives, and under what names. */
const KEEPERS: readonly { readonly module: RegExp; readonly names: readonly string[] }[] = [
  {
    module: /@electric-sql\/client\/dist\/chunk-[^/]+\.mjs$/,
    names: ["expiredShapesCache", "upToDateTracker"],
  },
];

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const keeper = KEEPERS.find(({ module }) => module.test(url));
    if (!keeper) return loaded;
    const shown = keeper.names.map((name) => `if (typeof ${name} === "object") kept.push(${name});`).join(" ");
    const tell = `\n{ const kept = globalThis[Symbol.for("holdfast.test.kept-state")]; ${shown} }\n`;
    return { ...loaded, source: `${String(loaded.source)}${tell}` };
  },
});

/** Has modules forget what they keep from one simulation to the next, which would be another process each. */
export function forgetKeptState(): void {
  for (const each of kept) each.clear();
}
