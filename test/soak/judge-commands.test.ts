import { expect, test } from "vitest";
import { type Carried, judgeCommands } from "./judge-commands.ts";
import { judgeLog, readLog } from "./judge-logs.ts";

const COMMAND = { kind: "command", party: "hub", host: "host-1", id: "command-1", outcome: "acknowledged" } as const;
const begun = { msg: "carrying out a command", command: "command-1" };
const obeyed = { msg: "the site switches this machine", order: "command-1", action: "reset" };

function judged(given: { command?: string; status?: string; sites?: object[]; agent?: object[]; switched?: string[] }) {
  const { command = "reset", status = "done", sites = [], agent = [], switched = [] } = given;
  const carried = {
    commands: [{ ...COMMAND, command, status }],
    siteLogs: sites,
    machines: [{ name: "agent-1", log: agent, switched }],
  };
  return judgeCommands(carried as Carried);
}

test("a reset that was done once is as it must be", () => {
  expect(judged({ sites: [begun], agent: [obeyed], switched: ["reboot"] })).toEqual([]);
});

test("a command that its site begins twice is found", () => {
  expect(judged({ command: "identify", sites: [begun, begun] })).toEqual([expect.stringContaining("2 times")]);
});

test("an order that an agent obeys twice is found", () => {
  expect(judged({ sites: [begun], agent: [obeyed, obeyed] })).toEqual([expect.stringContaining("obeyed it 2 times")]);
});

test("a machine that is switched more often than anybody ordered is found", () => {
  const found = judged({ sites: [begun], agent: [obeyed], switched: ["reboot", "reboot"] });
  expect(found).toEqual([expect.stringContaining("1 orders to reset, carried out 2 times")]);
});

test("a command without an end, or that the hub does not know, is found", () => {
  expect(judged({ command: "identify", status: "pending" })).toHaveLength(1);
  expect(
    judgeCommands({ commands: [{ ...COMMAND, command: "identify", status: undefined }], siteLogs: [], machines: [] }),
  ).toHaveLength(1);
});

test("what is said to have expired was not carried out, and what is said to be done was", () => {
  expect(judged({ status: "expired", agent: [obeyed] })).toEqual([expect.stringContaining("carried out")]);
  expect(judged({ status: "done" })).toEqual([expect.stringContaining("knows nothing")]);
});

test("an error in a log, and what is no line of one, is found; a warning is not", () => {
  const log = readLog('{"level":40,"msg":"heals by itself"}\n{"level":50,"msg":"act"}\nTypeError: x\n');
  expect(judgeLog("hub", log)).toEqual([expect.stringContaining('"act"'), "hub printed: TypeError: x"]);
});
