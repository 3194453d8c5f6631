import { ApiReads, rateOf } from "./api-reads.ts";
import { atLeast, type Benchmark } from "./benchmark.ts";

export const getHost: Benchmark = {
  name: "get-host",
  about: "GET of a host by id, against node:http with the same queries and JSON",
  async run(run) {
    await using api = await ApiReads.open(run);
    const quick = run.size === "quick";
    const measured = await api.measure(api.hosts(), { rounds: quick ? 2 : 5, seconds: quick ? 1 : 4 });
    return [
      {
        name: "get-host",
        what: `GET host by id, ${api.seed.hosts.length} hosts, 8 connections`,
        peer: "bare node:http",
        ...rateOf(measured),
        goal: atLeast(0.7),
      },
    ];
  },
};
