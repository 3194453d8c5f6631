import { ApiReads, type Question, rateOf } from "./api-reads.ts";
import { atLeast, type Benchmark, type Row } from "./benchmark.ts";

export const listHosts: Benchmark = {
  name: "list-hosts",
  about: "a page of 100 filtered hosts, against hand-written SQL and the same JSON over node:http",
  async run(run) {
    await using api = await ApiReads.open(run);
    const quick = run.size === "quick";
    const hosts = api.seed.hosts.length;
    const row = async (name: string, what: string, question: Question): Promise<Row> => {
      const measured = await api.measure(question, { rounds: quick ? 2 : 5, seconds: quick ? 1 : 4 });
      return { name, what, peer: "hand-written", ...rateOf(measured), goal: atLeast(0.5) };
    };
    return [
      await row("list-hosts/by-site", `100 of ${hosts} hosts by site (index), 8 connections`, api.bySite()),
      await row(
        "list-hosts/by-product",
        `100 of ${hosts} hosts by product name (no index, counts ${hosts / 10}), 8 connections`,
        api.byProduct(),
      ),
    ];
  },
};
