import { describe, expect, test } from "vitest";
import { openApi } from "../api-under-test.ts";
import { CommandsUnderTest } from "../providers-under-test.ts";

const NOW = Date.parse("2026-11-23T08:00:00Z");

async function withHost() {
  const commands = new CommandsUnderTest();
  const clock = { now: () => NOW, monotonic: () => NOW, sleep: async () => undefined };
  const api = await openApi({ commands, clock });
  const { resourceId } = await api.done("POST", "compute/hosts", { name: "a" });
  return { ...api, commands, id: String(resourceId), path: `compute/hosts/${String(resourceId)}/commands` };
}

describe("commands", () => {
  test("are given to a host, with whose word it is and until when they may begin", async () => {
    await using api = await withHost();
    const answer = await api.ask("POST", api.path, { body: { command: "reset", validSeconds: 60 } });
    expect(answer.headers["holdfast-durability"]).toBe("hub");
    expect(answer.body).toEqual({
      id: "command-0000000000000000",
      hostId: api.id,
      command: "reset",
      status: "pending",
      actor: "operator:w",
      issuedAt: "1970-01-01T00:00:00.000Z",
      notAfter: "2026-11-23T08:01:00.000Z",
      updatedAt: "1970-01-01T00:00:00.000Z",
    });
    const given = { tenant: api.acme.id, hostId: api.id, token: "token-w", actor: "operator:w" };
    expect(api.commands.issued).toMatchObject([{ ...given, command: "reset", notAfter: NOW + 60_000 }]);
    await api.done("POST", api.path, { command: "identify" });
    expect(api.commands.issued[1]?.notAfter).toBe(NOW + 600_000);
  });

  test("are shown newest first, and one by one", async () => {
    await using api = await withHost();
    for (const command of ["identify", "rescan", "reset"]) await api.done("POST", api.path, { command });
    const { commands } = await api.done("GET", `${api.path}?pageSize=2`);
    expect((commands as { command: string }[]).map((each) => each.command)).toEqual(["reset", "rescan"]);
    expect(await api.done("GET", `${api.path}/command-0000000000000001`)).toMatchObject({ command: "rescan" });
    const other = await api.done("POST", "compute/hosts", { name: "b" });
    const wrong = `compute/hosts/${String(other.resourceId)}/commands/command-0000000000000001`;
    expect(await api.ask("GET", wrong)).toMatchObject({ status: 404, body: { message: "command not found" } });
  });

  test.each([
    [undefined, "command"],
    [{}, "command"],
    [{ command: "explode" }, "command"],
    [{ command: "reset", validSeconds: 0 }, "validSeconds"],
    [{ command: "reset", validSeconds: 86_401 }, "validSeconds"],
    [{ command: "reset", notAfter: 1 }, "notAfter"],
  ])("that say nothing sensible are refused, naming what is wrong (%#)", async (body, named) => {
    await using api = await withHost();
    const { status, body: said } = await api.ask("POST", api.path, { body });
    expect([status, said.code]).toEqual([400, "InvalidArgument"]);
    expect(said.message).toContain(named);
    expect(api.commands.issued).toEqual([]);
  });

  test("to a host that is not there, or by who may only read, are not given", async () => {
    await using api = await withHost();
    const body = { command: "reset" };
    const nowhere = "compute/hosts/host-ffffffff/commands";
    expect((await api.ask("POST", nowhere, { body })).status).toBe(404);
    expect((await api.ask("GET", nowhere)).status).toBe(404);
    expect((await api.ask("POST", "compute/hosts/site-00000001/commands", { body })).status).toBe(400);
    expect((await api.ask("GET", `${api.path}/command-1`)).body.message).toContain("commandId");
    expect((await api.ask("POST", api.path, { body, as: "reader" })).status).toBe(403);
    expect((await api.ask("POST", api.path.replace(/^/, "/v1/projects/other/"), { body })).status).toBe(404);
    expect(api.commands.issued).toEqual([]);
  });
});
