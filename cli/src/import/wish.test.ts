import { expect, test } from "vitest";
import { COLUMNS, readHosts, sentence } from "./hosts-file.ts";
import { readWish } from "./wish.ts";

function wishOf(line: string) {
  const [row] = readHosts(`${COLUMNS.join(",")}\n${line}\n`);
  if (!row) throw new Error("the line is no row");
  return readWish(row);
}
const complaintsOf = (line: string) => sentence(wishOf(line).complaints);

test("a row with everything in it is understood", () => {
  const { wish, complaints } = wishOf(
    "2500JF3,4C4C4544-2046-5310-8052-CAC04F515233,os,oslo,TRUE,clerk,a=b&c=,60,x&y,false,t,c,",
  );
  expect(complaints).toEqual([]);
  expect(wish).toEqual({
    ...{ serial: "2500JF3", uuid: "4c4c4544-2046-5310-8052-cac04f515233", os: "os", site: "oslo", secure: true },
    metadata: [
      { key: "a", value: "b" },
      { key: "c", value: "" },
    ],
    ...{ account: "clerk", configs: ["x", "y"], lvmSize: 60 },
  });
});

test.each([
  [",,os,oslo,,,a=b,,,,,,", "Serial: it or UUID is needed"],
  ["a-b,,,,,,,,,,,,", "Serial: must be 5 to 20 letters and digits"],
  ["2500,,,,,,,,,,,,", "Serial: must be 5 to 20 letters and digits"],
  [",4c4c4544,,,,,,,,,,,", "UUID: is no UUID"],
  ["2500JF3,,os,,maybe,,,,,,,,", "Secure: must be true or false, or empty"],
  ["2500JF3,,,,true,,,,,,,,", "Secure: is about an installation: OSProfile is needed with it"],
  ["2500JF3,,,,,,a,,,,,,", 'Metadata: "a" is not KEY=VALUE'],
  ["2500JF3,,,,,,a=b=c,,,,,,", 'Metadata: "a=b=c" is not KEY=VALUE'],
  ["2500JF3,,,,,,a=b&a=c,,,,,,", 'Metadata: "a" is there twice'],
  ["2500JF3,,,,,,,-1,,,,,", "LVMSize: must be a whole number of gigabytes"],
  ["2500JF3,,,,,,,4294967296,,,,,", "LVMSize: must be a whole number of gigabytes"],
])("%s is refused, naming the column", (line, said) => {
  expect(complaintsOf(line)).toBe(said);
});

test("a row that asks for a cluster is told that none is made", () => {
  expect(complaintsOf("2500JF3,,,,,,,,,true,template,,")).toMatch(/^K8sEnable: Holdfast makes no clusters/);
});
