/** A defect that somebody could have written: one piece of one file's text, and what stands in its place. */
export interface PlantedFault {
  /** By which it is planted; of no other fault. */
  readonly name: string;
  /** Which rule of docs/sync.md it breaks. */
  readonly rule: number;
  /** What goes wrong. */
  readonly breaks: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Is in the file once. */
  readonly find: string;
  readonly put: string;
  /** What must happen in a history for it to show, by name: others are passed over. */
  readonly happens?: string;
  /** The test that finds it, from the root of the repository, where it takes what no history holds, or a look that no judge has. */
  readonly foundBy?: string;
}

/** The code that a process ends with in which a fault was to be planted and was not. */
export const NOT_PLANTED = 70;

/** Plants a fault in the text of its file. Throws when what it replaces is not there, or more than once. */
export function plantedIn({ name, file, find, put }: PlantedFault, text: string): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0) {
    const times = text.split(find).length - 1;
    throw new Error(`the fault ${name} cannot be planted: its text is in ${file} ${times} times, not once`);
  }
  return `${before}${put}${after}`;
}
