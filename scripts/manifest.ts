// `npm run manifest -- FILE --kind KIND --name NAME …`: FILE.manifest.json, which says what FILE is, and its signature beside it.
// Without `--secret-key` it prints the minisign command that makes the signature, for a key that a password protects.
import { createReadStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { measureContent } from "@holdfast/protocol/manifest/content";
import { type Manifest, manifestText, trustedCommentOf } from "@holdfast/protocol/manifest/manifest";
import { readSecretKey } from "@holdfast/runtime/minisign/format";
import { signMinisign } from "@holdfast/runtime/minisign/minisign";

const USAGE = `usage: npm run manifest -- FILE --kind os-image|installer|agent --name NAME --release VERSION --sequence NUMBER
    --architecture x86_64|aarch64 [--boot-mode bios|uefi|either] [--secret-key FILE]`;

const CHUNK_SIZE = 4 * 1024 * 1024;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      kind: { type: "string" },
      name: { type: "string" },
      release: { type: "string" },
      sequence: { type: "string" },
      architecture: { type: "string" },
      "boot-mode": { type: "string" },
      "secret-key": { type: "string" },
    },
  });
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) throw new Error(USAGE);
  const { kind, name, release: version, sequence, architecture, "boot-mode": bootMode } = values;
  const measured = await measureContent(createReadStream(file), CHUNK_SIZE);
  const said = { schema: 1, kind, name, version, sequence: Number(sequence), architecture, bootMode, ...measured };
  // What it does not say, or says wrong, is found when the text is made.
  const text = manifestText(said as Manifest);
  const comment = trustedCommentOf(said as Manifest);
  const path = `${file}.manifest.json`;
  if (existsSync(path)) throw new Error(`${path} is there already: what was signed once is not written over`);
  const secretKey = values["secret-key"];
  const key = secretKey === undefined ? undefined : readSecretKey(readFileSync(secretKey, "utf8"));
  writeFileSync(path, text);
  console.log(`${path}: ${comment}`);
  if (key === undefined) return console.log(`now sign it: minisign -S -m '${path}' -t '${comment}'`);
  writeFileSync(`${path}.minisig`, signMinisign(Buffer.from(text), key, { trusted: comment }));
  console.log(`${path}.minisig: signed by key ${key.id}`);
}

await main().catch((error: unknown) => {
  console.error(`manifest: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
