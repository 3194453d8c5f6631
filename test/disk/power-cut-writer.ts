import { kill } from "node:process";
import { openSqlite } from "@holdfast/runtime/sqlite";

/**
 * Run by the test of failed flushes, as a process of its own: commits rows by number and says on stdout which were
 * acknowledged and which refused, one a line. Ends by its own SIGKILL, so that nothing is closed in good order.
 */
const [path = "", first, last] = process.argv.slice(2);
const database = openSqlite(path);
// Often enough that the log goes into the database now and then, also on a short run.
database.pragma("wal_autocheckpoint = 40");
database.exec("create table if not exists row (number integer primary key, body text not null)");
const insert = database.prepare("insert into row values (?, ?) on conflict do nothing");
for (let number = Number(first); number <= Number(last); number += 1) {
  try {
    // Each commit is another number of pages long.
    insert.run(number, String(number).repeat(200 * (1 + (number % 7) * 4)));
    process.stdout.write(`${number}\n`);
  } catch (error) {
    process.stdout.write(`refused ${number}: ${error instanceof Error ? error.message : error}\n`);
  }
}
kill(process.pid, "SIGKILL");
