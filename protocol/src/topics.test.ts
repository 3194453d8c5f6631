import { expect, test } from "vitest";
import { DOWN, hostTopic, maySubscribe, nodeStatusTopic, parseUpTopic, UP } from "./topics.ts";

const [site, host] = ["site-00000001", "host-0000000a"];

test.each([
  [UP.status, { is: "status" }],
  [UP.hardware, { is: "hardware" }],
  [UP.heartbeat, { is: "heartbeat" }],
  [UP.reported, { is: "reported" }],
  [UP.telemetry("system"), { is: "telemetry", stream: "system" }],
  [UP.jobStatus("job-1"), { is: "job-status", job: "job-1" }],
  [UP.result("r1"), { is: "result", request: "r1" }],
])("%s is what an agent may publish", (leaf, message) => {
  expect(parseUpTopic(hostTopic(site, host, leaf))).toEqual({ site, host, message });
});

test.each([
  "",
  "e/v1",
  `e/v2/${site}/${host}/hw`,
  `e/v1/${site}/${host}`,
  `e/v1/${site}/${host}/desired`,
  `e/v1/${site}/${host}/jobs/next`,
  `e/v1/${site}/${host}/tele/a/b`,
  `e/v1/${site}/${host}/tele/`,
  `e/v1/${site}/${host}/hw/`,
  `e/v1/${site}/${host}/tele/${"x".repeat(65)}`,
  `e/v1/${site}/${host}/res/a b`,
  "$SYS/broker",
])("%s is not", (topic) => {
  expect(parseUpTopic(topic)).toBeUndefined();
});

test("an agent subscribes to what it is told, and to nothing wider", () => {
  for (const leaf of [DOWN.desired, DOWN.nextJob, DOWN.requests]) {
    expect(maySubscribe(site, host, hostTopic(site, host, leaf))).toBe(true);
  }
  expect(maySubscribe(site, host, nodeStatusTopic(site))).toBe(true);
  for (const filter of [
    "#",
    `e/v1/${site}/#`,
    hostTopic(site, host, "#"),
    hostTopic(site, "host-0000000b", "desired"),
  ]) {
    expect(maySubscribe(site, host, filter)).toBe(false);
  }
});
