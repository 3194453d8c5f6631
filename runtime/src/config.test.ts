import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { Type } from "typebox";
import { expect, test } from "vitest";
import { helpText, readConfig, settingsTable } from "./config.ts";

const schema = Type.Object({
  hubPort: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080, description: "port of the API" }),
  home: Type.String({ minLength: 1, default: "./home", description: "where state is", placeholder: "DIR" }),
  verbose: Type.Boolean({ default: false, description: "says more" }),
  logLevel: Type.Union([Type.Literal("info"), Type.Literal("debug")], { default: "info", description: "how much" }),
  tokenFile: Type.Optional(Type.String({ description: "a token" })),
  siteId: Type.Optional(
    Type.String({ pattern: "^site-[0-9]$", expects: "an id such as site-1", description: "a site" }),
  ),
});

const read = (given: string[], environment: Record<string, string> = {}) =>
  readConfig(schema, { arguments: given, environment });

function file(content: string): string {
  const path = `${mkdtempSync(`${tmpdir()}/holdfast-config-`)}/config.json`;
  writeFileSync(path, content);
  return path;
}

test("defaults stand where nothing is given, and an optional setting is absent", () => {
  expect(read([])).toEqual({ hubPort: 8080, home: "./home", verbose: false, logLevel: "info" });
});

test("flags win over variables, variables over the file, the file over defaults", () => {
  const config = file('{"hubPort": 1, "home": "/file", "logLevel": "debug"}');
  const environment = { HOLDFAST_HUB_PORT: "2", HOLDFAST_HOME: "/variable", HOLDFAST_CONFIG: config };
  expect(read(["--hub-port", "3"], environment)).toMatchObject({ hubPort: 3, home: "/variable", logLevel: "debug" });
});

test("the result is frozen", () => {
  expect(Object.isFrozen(read([]))).toBe(true);
});

test.each([
  [["--hub-port", "lots"], {}, /^--hub-port: "lots" is not a whole number from 0 to 65535/],
  [["--hub-port", "70000"], {}, /^--hub-port: "70000"/],
  [["--hub-port", "1.5"], {}, /^--hub-port: "1\.5" is not a whole number/],
  [["--hub-port", "0x10"], {}, /^--hub-port: "0x10" is not a whole number/],
  [["--hub-port", ""], {}, /^--hub-port: "" is not a whole number/],
  [["--home", ""], {}, /^--home: "" is not a text that is not empty/],
  [["--log-level", "loud"], {}, /^--log-level: "loud" is not one of info, debug/],
  [[], { HOLDFAST_HUB_PORT: "-1" }, /^HOLDFAST_HUB_PORT: "-1"/],
  [["--site-id", "oslo"], {}, /^--site-id: "oslo" is not an id such as site-1$/],
  [["--nonsense"], {}, /--nonsense/],
  [["stray"], {}, /stray/],
  [["--config", file('{"hubPorts": 1}')], {}, /no setting is called hubPorts/],
  [["--config", file('{"hubPort": "x"}')], {}, /^hubPort in .*config\.json: "x"/],
  [["--config", file("[]")], {}, /not a JSON object/],
  [["--config", file("{")], {}, /^--config .*config\.json: /],
  [["--config", "/nowhere.json"], {}, /^--config \/nowhere\.json: /],
])("%j with %j is refused naming the setting", (given, environment, message) => {
  expect(() => read(given, environment)).toThrow(message);
});

test("a setting that is needed and absent is asked for by its flag", () => {
  const needy = Type.Object({ hubUrl: Type.String({ description: "the hub" }) });
  expect(() => readConfig(needy, { arguments: [], environment: {} })).toThrow("--hub-url is needed: the hub");
});

test("the help text shows every setting with its default and its variable", () => {
  const text = helpText("holdfast hub", "Runs the hub.", schema);
  expect(text).toContain("--hub-port N");
  expect(text).toContain("port of the API [8080] (HOLDFAST_HUB_PORT)");
  expect(text).toContain("--home DIR");
  for (const name of ["--verbose", "--log-level", "--token-file", "--config", "--help"]) expect(text).toContain(name);
});

test("the table of settings has a row for each, with flag, variable and default", () => {
  const rows = settingsTable(schema).split("\n").slice(2);
  expect(rows).toHaveLength(Object.keys(schema.properties).length);
  expect(rows[0]).toBe("| `--hub-port` | `HOLDFAST_HUB_PORT` | `8080` | port of the API |");
});

test("a setting may be told without its flag where a command says so, before or after the flags", () => {
  const told = (...given: string[]) =>
    readConfig(schema, { arguments: given, environment: {}, operands: ["tokenFile"] });
  for (const given of [
    ["a", "--verbose"],
    ["--hub-port", "1", "a"],
    ["--token-file", "a"],
  ]) {
    expect(told(...given)).toMatchObject({ tokenFile: "a" });
  }
  expect(() => told("a", "b")).toThrow(/"b" is one too many/);
  expect(() => told("a", "--token-file", "b")).toThrow(/--token-file is told twice/);
});

test("a setting in the file is a text, a number, true or false, and has a name of a setting's", () => {
  const told = (content: string) => () => read(["--config", file(content)]);
  for (const value of ["[8080]", '{"toString": ""}', "{}", "null"]) {
    expect(told(`{"hubPort": ${value}}`)).toThrow(/hubPort in .* is no text, number, true or false/);
  }
  expect(told('{"toString": "x"}')).toThrow("no setting is called toString");
});
