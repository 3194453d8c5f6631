import type { Sqlite } from "@holdfast/runtime/sqlite";

const VERSION = 1;

/**
 * What the broker keeps between two starts. `payload` has no type on purpose: a text stays a text, bytes stay bytes.
 * `retained_total` is kept by triggers, so that a bound on everything retained costs one row to check.
 */
const SCHEMA = `
  CREATE TABLE subscription (
    client_id TEXT NOT NULL,
    filter TEXT NOT NULL,
    qos INTEGER NOT NULL,
    options TEXT NOT NULL,
    PRIMARY KEY (client_id, filter)
  );
  CREATE INDEX subscription_filter ON subscription (filter, client_id);

  CREATE TABLE outgoing (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id TEXT NOT NULL,
    cmd TEXT NOT NULL,
    broker_id TEXT,
    broker_counter INTEGER,
    message_id INTEGER,
    topic TEXT,
    payload,
    qos INTEGER,
    retain INTEGER,
    dup INTEGER,
    bytes INTEGER NOT NULL
  );
  CREATE INDEX outgoing_size ON outgoing (client_id, seq, bytes);
  CREATE INDEX outgoing_packet ON outgoing (client_id, broker_id, broker_counter);
  CREATE INDEX outgoing_message ON outgoing (client_id, message_id);

  CREATE TABLE incoming (
    client_id TEXT NOT NULL,
    message_id INTEGER NOT NULL,
    topic TEXT NOT NULL,
    payload,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL,
    dup INTEGER NOT NULL,
    PRIMARY KEY (client_id, message_id)
  );

  CREATE TABLE will (
    client_id TEXT PRIMARY KEY,
    broker_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL
  );

  CREATE TABLE retained (topic TEXT PRIMARY KEY, payload, packet TEXT NOT NULL, bytes INTEGER NOT NULL);
  CREATE TABLE retained_total (messages INTEGER NOT NULL, bytes INTEGER NOT NULL);
  INSERT INTO retained_total VALUES (0, 0);
  CREATE TRIGGER retained_added AFTER INSERT ON retained BEGIN
    UPDATE retained_total SET messages = messages + 1, bytes = bytes + new.bytes;
  END;
  CREATE TRIGGER retained_removed AFTER DELETE ON retained BEGIN
    UPDATE retained_total SET messages = messages - 1, bytes = bytes - old.bytes;
  END;
`;

/** Makes the tables in a new database, and lets it grow to so many bytes. Throws when a newer version made it. */
export function prepareSchema(database: Sqlite, mostBytes: number): void {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (version > VERSION) {
    throw new Error(`${database.name} was made by a newer version of this program (its schema is ${version})`);
  }
  if (version === 0) {
    database.transaction(() => {
      database.exec(SCHEMA);
      database.pragma(`user_version = ${VERSION}`);
    })();
  }
  const pageSize = Number(database.pragma("page_size", { simple: true }));
  database.pragma(`max_page_count = ${Math.max(64, Math.floor(mostBytes / pageSize))}`);
}
