import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { systemSources } from "./telemetry-sources.ts";
import { temporaryDirectory } from "./testing/agents.ts";

const NET_DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
  eth0: 1000 10 2 0 0 0 0 0 2000 20 3 0 0 0 0 0
eno1np0:7 1 0 0 0 0 0 0 8 1 0 0 0 0 0 0
`;

function tree(files: Record<string, string>) {
  const directory = temporaryDirectory();
  const write = (path: string, content: string) => {
    mkdirSync(dirname(join(directory.path, path)), { recursive: true });
    writeFileSync(join(directory.path, path), content);
  };
  for (const [path, content] of Object.entries(files)) write(path, content);
  return { ...directory, write };
}

test("the load is what the processors did between two measurements; the first one knows none", async () => {
  using root = tree({
    "proc/stat": "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 …\n",
    "proc/loadavg": "0.42 0.30 0.20 1/99 7\n",
  });
  const { load } = systemSources(root.path);
  expect(await load?.()).toEqual({ "cpu.load_average_1m": 0.42 });
  root.write("proc/stat", "cpu  120 0 110 860 10 0 0 0 0 0\n");
  expect(await load?.()).toMatchObject({ "cpu.load_percent": 30 });
});

test("network counters are those of each interface but the loopback", async () => {
  using root = tree({ "proc/net/dev": NET_DEV });
  expect(await systemSources(root.path).network?.()).toEqual({
    "net.eth0.received_bytes": 1_000,
    "net.eth0.sent_bytes": 2_000,
    "net.eth0.errors": 5,
    "net.eno1np0.received_bytes": 7,
    "net.eno1np0.sent_bytes": 8,
    "net.eno1np0.errors": 0,
  });
});

test("a machine without thermal sensors has no temperature, and an unreadable sensor is not zero degrees", async () => {
  using bare = tree({});
  expect(await systemSources(bare.path).temperature?.()).toEqual({});
  using root = tree({
    "sys/class/thermal/thermal_zone0/temp": "41500\n",
    "sys/class/thermal/thermal_zone1/temp": "52000\n",
    "sys/class/thermal/thermal_zone2/temp": "no data\n",
  });
  expect(await systemSources(root.path).temperature?.()).toEqual({ "temperature.hottest_celsius": 52 });
});

test("this machine has memory and a disk", async () => {
  const { memory, disk } = systemSources("/");
  expect((await memory?.())?.["memory.total_bytes"]).toBeGreaterThan(1_000_000);
  expect((await disk?.())?.["disk.root.total_bytes"]).toBeGreaterThan(1_000_000);
});

test("of a machine with a thousand interfaces the first are measured", async () => {
  const lines = Array.from({ length: 1_000 }, (_, index) => ` cali${index}: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n`);
  using root = tree({ "proc/net/dev": `${NET_DEV}${lines.join("")}` });
  const values = Object.keys((await systemSources(root.path).network?.()) ?? {});
  expect(values).toHaveLength(3 * 64);
  expect(values).toContain("net.eth0.received_bytes");
});
