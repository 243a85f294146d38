// The alarm of one object: what is due, since when, and how often it was tried.
//
// The platform keeps one time for each object and calls `alarm()` then. What else must be known lies in a table of
// the object's own file, `_selvedge_alarm`, so that it is committed or lost together with everything else of a turn.
// Before the guest handles an alarm, its next try is set already: whatever becomes of the handler, the alarm is not lost.

import { alarmRetryDelay } from "./host.js";

const TABLE = "CREATE TABLE IF NOT EXISTS _selvedge_alarm(id INTEGER PRIMARY KEY CHECK (id = 1), scheduled_ms REAL NOT NULL, next_ms REAL NOT NULL, tries INTEGER NOT NULL, handling INTEGER NOT NULL, name TEXT NOT NULL)";

export class Alarm {
  #storage;
  constructor(storage) {
    this.#storage = storage;
  }

  /** The time that is set, in milliseconds; `undefined` where none is, or while it is being handled. */
  get() {
    const row = this.#row();
    return row === null || row.handling ? undefined : row.tries > 0 ? row.next_ms : row.scheduled_ms;
  }

  set(name, atMs) {
    this.#write({ scheduled_ms: atMs, next_ms: atMs, tries: 0, handling: 0, name });
  }

  cancel() {
    if (this.#row() === null) return;
    this.#storage.sql.exec("DELETE FROM _selvedge_alarm");
    this.#storage.deleteAlarm();
  }

  /** The platform's time has come: the alarm that is due, noted as being handled, or `null`. */
  begin() {
    const row = this.#row();
    if (row === null) return null;
    if (row.next_ms > Date.now()) {
      this.#storage.setAlarm(row.next_ms);
      return null;
    }
    const due = { name: row.name, scheduledMs: row.scheduled_ms, retryCount: row.tries };
    const delay = alarmRetryDelay(row.tries);
    // Where the last try ends without a word, there is no other.
    const next = delay === undefined ? Number.MAX_SAFE_INTEGER : Date.now() + delay;
    this.#write({ ...row, next_ms: next, tries: row.tries + 1, handling: 1 });
    return due;
  }

  /** The handler has ended; says whether the alarm is given up. */
  finish({ retryCount }, failed) {
    const row = this.#row();
    // The handler has set another, or taken this one back.
    if (row === null || !row.handling) return false;
    const delay = failed ? alarmRetryDelay(retryCount) : undefined;
    if (delay === undefined) {
      this.cancel();
      return failed;
    }
    this.#write({ ...row, next_ms: Date.now() + delay, handling: 0 });
    return false;
  }

  #row() {
    const { sql } = this.#storage;
    if (sql.exec("SELECT 1 FROM sqlite_master WHERE name = '_selvedge_alarm'").toArray().length === 0) return null;
    return sql.exec("SELECT scheduled_ms, next_ms, tries, handling, name FROM _selvedge_alarm").toArray()[0] ?? null;
  }

  #write({ scheduled_ms, next_ms, tries, handling, name }) {
    const { sql } = this.#storage;
    sql.exec(TABLE);
    sql.exec("INSERT OR REPLACE INTO _selvedge_alarm VALUES (1, ?, ?, ?, ?, ?)", scheduled_ms, next_ms, tries, handling, name);
    if (next_ms === Number.MAX_SAFE_INTEGER) this.#storage.deleteAlarm();
    else this.#storage.setAlarm(Math.max(next_ms, 1));
  }
}
