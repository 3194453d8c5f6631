import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { type Authority, makeKeys, privatePem, serialNumber, sign, type Validity } from "./sign.ts";
import * as x509 from "./x509.ts";

/** A certificate and its private key, both PEM. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

export interface ServerRequest extends Validity {
  readonly root: Authority;
  /** DNS names and addresses. */
  readonly names: readonly string[];
}

/** A new root that may sign sites' intermediates: pathLenConstraint 1. RFC 5280 §4.2.1.9 */
export async function issueRoot({ notBefore, notAfter }: Validity): Promise<Issued> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    // Two roots of one hub, while one follows the other, must not have one name.
    name: `CN=Holdfast hub root ${randomBytes(4).toString("hex")}`,
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString("pem"), key: privatePem(keys.privateKey) };
}

/** A server's certificate, for TLS alone, with a key of its own. */
export async function issueServer({ root, names, ...validity }: ServerRequest): Promise<Issued> {
  const keys = await makeKeys();
  const certificate = await sign(root, {
    ...validity,
    name: "CN=Holdfast hub",
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const),
      ),
    ],
  });
  return { certificate: certificate.toString("pem"), key: privatePem(keys.privateKey) };
}
