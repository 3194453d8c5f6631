// The files of minisign (jedisct1.github.io/minisign, "Signature format", "Public key format", "Secret key format").
import { Fault } from "../errors.ts";

/** `Ed` signs the content itself, `ED` its BLAKE2b-512. */
export type Algorithm = "Ed" | "ED";

export interface PublicKey {
  /** 16 upper-case hex digits, as minisign prints it. Says which key to try, and proves nothing. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

export interface SecretKey extends PublicKey {
  /** 32 bytes. */
  readonly seed: Uint8Array;
}

export interface Signature {
  readonly algorithm: Algorithm;
  readonly keyId: string;
  /** 64 bytes, over the content or its hash. */
  readonly signature: Uint8Array;
  readonly untrustedComment: string;
  readonly trustedComment: string;
  /** 64 bytes, over the signature and the trusted comment. */
  readonly globalSignature: Uint8Array;
}

const COMMENT = "untrusted comment: ";
const TRUSTED = "trusted comment: ";
/** minisign's own bounds: COMMENTMAXBYTES, TRUSTEDCOMMENTMAXBYTES. Bytes. */
const COMMENT_MOST = 1024;
const TRUSTED_MOST = 8192;
const FILE_MOST = COMMENT_MOST + TRUSTED_MOST + 512;

const KEY_BYTES = 42;
const SIGNATURE_BYTES = 74;
const SECRET_BYTES = 158;

/** A public key: the file that minisign wrote, or its second line alone. Throws InvalidArgument. */
export function readPublicKey(text: string): PublicKey {
  const what = "public key";
  const lines = linesOf(text, what);
  const encoded = lines.length === 1 ? lines[0] : lines[1];
  if (lines.length > 2 || encoded === undefined) malformed(what, `${lines.length} lines, not 1 or 2`);
  if (lines.length === 2) commentIn(lines[0], { prefix: COMMENT, most: COMMENT_MOST, what });
  const bytes = bytesIn(encoded, KEY_BYTES, what);
  if (ascii(bytes, 0, 2) !== "Ed") malformed(what, "its algorithm is not Ed25519");
  return { id: keyId(bytes, 2), key: bytes.subarray(10) };
}

/** How many keys one file may hold: two while one takes over from another, and some to spare. */
const KEYS_MOST = 16;

/** Public keys whose files were put one after the other into one. Throws InvalidArgument, also when there is none. */
export function readPublicKeys(text: string): readonly PublicKey[] {
  const keys: PublicKey[] = [];
  const lines = text.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith(COMMENT));
  if (lines.length > KEYS_MOST) malformed("file of public keys", `more than ${KEYS_MOST} keys`);
  for (const line of lines) keys.push(readPublicKey(line));
  if (keys.length === 0) malformed("file of public keys", "it holds no key");
  return keys;
}

/**
 * A secret key that no password protects, as `minisign -G -W` writes it: a program that signs by itself would have to hold the
 * password as well. Throws InvalidArgument, never with any of the key in its sentence.
 */
export function readSecretKey(text: string): SecretKey {
  const what = "secret key";
  const lines = linesOf(text, what);
  if (lines.length !== 2) malformed(what, `${lines.length} lines, not 2`);
  commentIn(lines[0], { prefix: COMMENT, most: COMMENT_MOST, what });
  const bytes = bytesIn(lines[1], SECRET_BYTES, what);
  if (ascii(bytes, 0, 2) !== "Ed") malformed(what, "its algorithm is not Ed25519");
  if (ascii(bytes, 2, 4) === "Sc") malformed(what, "it is protected by a password: sign with minisign itself");
  if (bytes[2] !== 0 || bytes[3] !== 0) malformed(what, "how it is protected is not known");
  return { id: keyId(bytes, 54), seed: bytes.subarray(62, 94), key: bytes.subarray(94, 126) };
}

/** The text of a `.minisig` file; one more line end than needed is refused as everything else is. Throws InvalidArgument. */
export function readSignature(text: string): Signature {
  const what = "signature";
  const lines = linesOf(text, what);
  if (lines.length !== 4) malformed(what, `${lines.length} lines, not 4`);
  const untrustedComment = commentIn(lines[0], { prefix: COMMENT, most: COMMENT_MOST, what });
  const bytes = bytesIn(lines[1], SIGNATURE_BYTES, what);
  const algorithm = ascii(bytes, 0, 2);
  if (algorithm !== "Ed" && algorithm !== "ED") malformed(what, "its algorithm is neither Ed nor ED");
  return {
    algorithm,
    keyId: keyId(bytes, 2),
    signature: bytes.subarray(10),
    untrustedComment,
    trustedComment: commentIn(lines[2], { prefix: TRUSTED, most: TRUSTED_MOST, what }),
    globalSignature: bytesIn(lines[3], 64, what),
  };
}

/** The file that `readPublicKey` and minisign read. */
export function publicKeyText({ id, key }: PublicKey): string {
  const encoded = Buffer.concat([Buffer.from("Ed"), keyIdBytes(id), key]).toString("base64");
  return `${COMMENT}minisign public key ${id}\n${encoded}\n`;
}

/** The file that `readSignature` and minisign read. Throws InvalidArgument when a comment does not fit in one. */
export function signatureText(signature: Signature): string {
  const { algorithm, keyId: id, untrustedComment, trustedComment, globalSignature } = signature;
  const encoded = Buffer.concat([Buffer.from(algorithm), keyIdBytes(id), signature.signature]).toString("base64");
  const first = `${COMMENT}${untrustedComment}`;
  const third = `${TRUSTED}${trustedComment}`;
  commentIn(first, { prefix: COMMENT, most: COMMENT_MOST, what: "signature" });
  commentIn(third, { prefix: TRUSTED, most: TRUSTED_MOST, what: "signature" });
  return `${first}\n${encoded}\n${third}\n${Buffer.from(globalSignature).toString("base64")}\n`;
}

function linesOf(text: string, what: string): string[] {
  if (text.length > FILE_MOST) malformed(what, `more than ${FILE_MOST} characters`);
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

interface CommentOf {
  readonly prefix: string;
  readonly most: number;
  readonly what: string;
}

function commentIn(line: string | undefined, { prefix, most, what }: CommentOf): string {
  if (line === undefined || !line.startsWith(prefix)) malformed(what, `a line does not begin with "${prefix.trim()}"`);
  const comment = line.slice(prefix.length);
  if (Buffer.byteLength(comment) >= most) malformed(what, `a comment of ${most} bytes or more`);
  // A terminal is shown these. U+FFFD stands where the file was no UTF-8, and would be signed as something else.
  if (/[^\P{C}\t]|\u2028|\u2029|\ufffd/u.test(comment)) malformed(what, "a comment holds what cannot be printed");
  return comment;
}

function bytesIn(line: string | undefined, length: number, what: string): Uint8Array {
  const bytes = Buffer.from(line ?? "", "base64");
  if (bytes.toString("base64") !== line) malformed(what, "a line is not base64");
  if (bytes.length !== length) malformed(what, `a line holds ${bytes.length} bytes, not ${length}`);
  return bytes;
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.subarray(from, to)).toString("latin1");
}

/** Eight bytes, the lowest first. */
function keyId(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, at + 8).toReversed())
    .toString("hex")
    .toUpperCase();
}

function keyIdBytes(id: string): Uint8Array {
  return Buffer.from(id, "hex").toReversed();
}

function malformed(what: string, why: string): never {
  throw new Fault("InvalidArgument", `not a minisign ${what}: ${why}`);
}
