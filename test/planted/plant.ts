// To be loaded before what it may change: `HOLDFAST_PLANT=NAME node --import ./test/planted/plant.ts …`, or as the first
// import of a program that loads the others afterwards.
import { writeSync } from "node:fs";
import { registerHooks } from "node:module";
import { NOT_PLANTED, plantedIn } from "./fault.ts";
import { FAULTS } from "./faults.ts";

let isPlanted = false;

/** Has one file loaded with a fault in it. Whatever the process does, it fails when that file was not loaded. */
export function plant(name: string): void {
  const fault = FAULTS.find((each) => each.name === name);
  if (!fault) fail(`no fault is called ${name}`);
  const target = new URL(`../../${fault.file}`, import.meta.url).href;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url.split("?")[0] !== target) return loaded;
      // Types are stripped after this, so it is the text that people see.
      const source = plantedIn(fault, Buffer.from((loaded.source ?? "") as Uint8Array).toString());
      isPlanted = true;
      return { ...loaded, source };
    },
  });
  process.on("exit", mustBePlanted);
}

/** Ends the process when a fault was asked for and is not in what has been loaded. */
export function mustBePlanted(): void {
  if (asked && !isPlanted) fail(`the fault ${asked} was not planted: its file was not loaded after it was asked for`);
}

function fail(why: string): never {
  writeSync(2, `${why}\n`);
  process.exit(NOT_PLANTED);
}

const asked = process.env.HOLDFAST_PLANT;
if (asked) plant(asked);
