import "reflect-metadata";

/** The package, with what it needs to be there before it. */
export * from "@peculiar/x509";
