import { networkInterfaces } from "node:os";
import fc from "fast-check";
import { expect, test } from "vitest";
import { addressesOfInterfaces, parseAddresses, parseNeighbours } from "./ip-and-lldp.ts";

test("addresses come with their prefix and whether the kernel counts down a lifetime; its own link-local ones are neither", () => {
  const printed = JSON.stringify([
    { ifname: "lo", addr_info: [{ family: "inet", local: "127.0.0.1", prefixlen: 8 }] },
    {
      ifname: "eth0",
      addr_info: [
        { local: "192.0.2.7", prefixlen: 24, dynamic: true },
        { local: "2001:db8::7", prefixlen: 64, scope: "global" },
        { local: "fe80::1", prefixlen: 64, scope: "link" },
      ],
    },
    { ifname: "down", addr_info: [] },
    {},
  ]);
  expect(parseAddresses(printed)).toEqual({
    lo: [{ address: "127.0.0.1/8", dynamic: false }],
    eth0: [
      { address: "192.0.2.7/24", dynamic: true },
      { address: "2001:db8::7/64", dynamic: false },
      { address: "fe80::1/64" },
    ],
    down: [],
  });
});

test("a switch port comes with the switch's name, its MAC and the port", () => {
  const printed = JSON.stringify({
    lldp: [
      {
        interface: [
          {
            name: "eth0",
            chassis: [{ id: [{ type: "mac", value: "00:1c:73:00:00:01" }], name: [{ value: "tor-1" }] }],
            port: [{ id: [{ type: "ifname", value: "Ethernet12" }], descr: [{ value: "to edge" }] }],
          },
          {
            name: "eth1",
            chassis: [{ id: [{ type: "local", value: "7" }] }],
            port: [{ descr: [{ value: "uplink" }] }],
          },
        ],
      },
    ],
  });
  expect(parseNeighbours(printed)).toEqual({
    eth0: { name: "tor-1", mac: "00:1c:73:00:00:01", port: "Ethernet12" },
    eth1: { port: "uplink" },
  });
});

test("what is no output of theirs is no answer, and never an error", () => {
  expect(parseAddresses("BusyBox v1.35.0 multi-call binary.")).toBeUndefined();
  expect(parseNeighbours("{}")).toBeUndefined();
  fc.assert(
    fc.property(fc.json(), (text) => {
      parseAddresses(text);
      parseNeighbours(text);
      parseNeighbours(`{"lldp":[{"interface":[${text}]}]}`);
      parseAddresses(`[{"ifname":"a","addr_info":[${text}]}]`);
    }),
  );
});

test("without ip the addresses are Node's, and whether they are dynamic is not known", () => {
  const loopback = Object.values(addressesOfInterfaces(networkInterfaces())).flat();
  expect(loopback).toContainEqual({ address: "127.0.0.1/8" });
  expect(loopback.every((address) => !("dynamic" in address))).toBe(true);
});
