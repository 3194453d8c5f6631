/** The version of this program, as its own `--version` and the hub's logs show it. */
export const VERSION = "0.1.0";
