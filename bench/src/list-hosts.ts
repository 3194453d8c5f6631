import { ApiReads, type Question, shown } from "./api-reads.ts";
import { atLeast, type Benchmark, type Row } from "./benchmark.ts";
import { ratioOf } from "./rounds.ts";

export const listHosts: Benchmark = {
  name: "list-hosts",
  about: "a page of 100 filtered hosts, against hand-written SQL and the same JSON over node:http",
  async run(run) {
    await using api = await ApiReads.open(run);
    const quick = run.size === "quick";
    const hosts = api.seed.hosts.length;
    const row = async (what: string, question: Question): Promise<Row> => {
      const measured = await api.measure(question, { rounds: quick ? 2 : 5, seconds: quick ? 1 : 4 });
      const ratio = ratioOf(measured, ({ perSecond }) => perSecond);
      const peer = `hand-written: ${shown(measured.peer)}`;
      return { what, ours: shown(measured.ours), peer, ratio, goal: atLeast(0.5, ratio) };
    };
    return [
      await row(`100 of ${hosts} hosts by site (index), 8 connections`, api.bySite()),
      await row(
        `100 of ${hosts} hosts by product name (no index, counts ${hosts / 10}), 8 connections`,
        api.byProduct(),
      ),
    ];
  },
};
