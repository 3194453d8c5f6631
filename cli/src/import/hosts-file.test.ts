import { expect, test } from "vitest";
import { COLUMNS, ERROR, readHosts, writeHosts } from "./hosts-file.ts";

const HEADER = COLUMNS.join(",");

test("a file of a spreadsheet is read: byte order mark, CRLF, quotes, empty lines and missing last cells", () => {
  const rows = readHosts(`\ufeff${HEADER}\r\n2500JF3,,"Edge, 3.0", oslo ,true\r\n,,,,,,,,,,,,\r\n\r\n"1500JF9"\r\n`);
  expect(
    rows.map(({ cells: { Serial, OSProfile, Site, Secure, Metadata } }) => [Serial, OSProfile, Site, Secure, Metadata]),
  ).toEqual([
    ["2500JF3", "Edge, 3.0", "oslo", "true", ""],
    ["1500JF9", "", "", "", ""],
  ]);
  expect(rows.map(({ line }) => line)).toEqual([2, 5]);
});

test("rows are written with what is wrong with them, and can be read again", () => {
  const rows = readHosts(`${HEADER}\n2500JF3,,"a ""b"", c",oslo,,,k=v&l=w,,,,,,earlier\n`);
  const text = writeHosts(rows, () => [{ column: "Site", says: 'no site is called "oslo"' }, { says: "and more" }]);
  const [again] = readHosts(text);
  expect(text.split("\n")[0]).toBe(HEADER);
  expect(again?.cells).toEqual({ ...rows[0]?.cells, [ERROR]: 'Site: no site is called "oslo"; and more' });
});

test("what is no such file is refused, naming the line or the column", () => {
  expect(() => readHosts("")).toThrow(/first line must be Serial,UUID/);
  expect(() => readHosts("Serial,Uid\n")).toThrow('line 1: "Uid" is none of the columns');
  expect(() => readHosts("Serial,UUID,serial\n")).toThrow("line 1: the column Serial is there twice");
  expect(() => readHosts("Serial\na,b\n")).toThrow("line 2: has more cells");
  expect(() => readHosts('Serial\n"a\n')).toThrow("is no CSV");
});
