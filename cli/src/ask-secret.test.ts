import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { askSecret } from "./ask-secret.ts";

const { signal } = new AbortController();

test("a terminal shows nothing any more of what is typed when the prompt appears, nor after it", async () => {
  const happened: string[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (isRaw: boolean) => happened.push(isRaw ? "silent" : "as before"),
  });
  const output = new PassThrough();
  output.on("data", (piece) => happened.push(String(piece)));
  const asked = askSecret("Password", { input: input as never, output, signal });
  input.write("secret\r");
  expect(await asked).toBe("secret");
  expect(happened).toEqual(["silent", "Password: ", "as before", "\n"]);
});

test("what is piped in is its first line, without a prompt; nothing is an error", async () => {
  const output = new PassThrough();
  const input = new PassThrough().end("secret\nmore\n");
  expect(await askSecret("Password", { input, output, signal })).toBe("secret");
  expect(output.readableLength).toBe(0);
  const nothing = askSecret("Password", { input: new PassThrough().end(), output, signal });
  await expect(nothing).rejects.toThrow("Password: nothing was given");
});
