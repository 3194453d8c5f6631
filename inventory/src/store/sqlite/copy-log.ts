import { workerData } from "node:worker_threads";
import Database from "better-sqlite3";

/** A thread that takes the write-ahead log into the database at the path it is given; nobody waits for it meanwhile. */
const database = new Database(String(workerData), { fileMustExist: true });
database.pragma("wal_checkpoint(PASSIVE)");
database.close();
