import { describe, expect, test } from "vitest";
import { Memory } from "./memory.ts";

const row = (id: string, since = 0) => ({ id, seq: 9, since, gone: false });

describe("which event a change is", () => {
  test("without a filter: what the log says of it", () => {
    const memory = new Memory({ filtered: false, whole: false });
    expect(memory.eventOf(row("a", 6), true, 5)).toBe("created");
    expect(memory.eventOf(row("a", 5), true, 5)).toBe("updated");
    expect(memory.eventOf(row("a", 5), false, 5)).toBe("deleted");
  });

  test("with a filter that all was shown of: what was shown", () => {
    const memory = new Memory({ filtered: true, whole: true });
    memory.show("a");
    expect(memory.eventOf(row("a"), true, 5)).toBe("updated");
    expect(memory.eventOf(row("b"), true, 5)).toBe("created");
    expect(memory.eventOf(row("c"), false, 5)).toBeUndefined();
    expect(memory.eventOf(row("a"), false, 5)).toBe("deleted");
    expect(memory.eventOf(row("a"), false, 5)).toBeUndefined();
    expect(memory.eventOf(row("a"), true, 5)).toBe("created");
  });

  test("with a filter from a cursor on: deleted to be sure, once", () => {
    const memory = new Memory({ filtered: true, whole: false });
    expect(memory.eventOf(row("a", 6), true, 5)).toBe("created");
    expect(memory.eventOf(row("b"), true, 5)).toBe("updated");
    expect(memory.eventOf(row("c"), false, 5)).toBe("deleted");
    expect(memory.eventOf(row("c"), false, 5)).toBeUndefined();
    expect(memory.eventOf(row("c"), true, 5)).toBe("created");
  });

  test("of more than is remembered: deleted to be sure again", () => {
    const memory = new Memory({ filtered: true, whole: true });
    for (let count = 0; count <= 20_000; count++) memory.show(`r${count}`);
    expect(memory.eventOf(row("r20000"), false, 5)).toBe("deleted");
    expect(memory.eventOf(row("never"), false, 5)).toBe("deleted");
    expect(memory.eventOf(row("r1"), true, 5)).toBe("updated");
  });
});
