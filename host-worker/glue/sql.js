// `selvedge:durable/sql`, on the platform's own SQLite of an object.
//
// The platform binds numbers as reals and gives all numbers alike. So integers are bound as text that the statement
// makes integers of, and a statement is asked for the types of what it gives; the Rust host writes both (sqlPlan).
// What the platform cannot do is to stop a statement: one that never ends takes its thread.

import { object } from "./durable.js";
import { sqlBatch, sqlFailure, sqlGives, sqlPlan, sqlReturning, sqlStores, sqlTyped } from "./host.js";

export const sql = (instance) => {
  const most = instance.composition.limits["storage-bytes"];
  const call = (run) => told(() => run(new Call(object(instance).storage, most)));
  return {
    exec: (query, parameters) => call((it) => it.run(query, parameters)),
    batch: (statements) =>
      call((it) => {
        sqlBatch(statements.length);
        return it.whole(() => statements.map(({ query, parameters }) => it.run(query, parameters)));
      }),
  };
};

/** Runs what may fail in SQLite; failures of the guest's own go through as they are. */
function told(act) {
  try {
    return act();
  } catch (error) {
    if (Object.hasOwn(error, "payload")) throw error;
    throw sqlFailure(String(error.message));
  }
}

/** One call of a guest's: its statements give so much together. */
class Call {
  #storage;
  #sql;
  #most;
  #isWhole = false;
  #values = 0;
  #bytes = 0;

  constructor(storage, most) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#most = most;
  }

  /** Does all of `act`, or undoes it where it throws; what the turn did before stays. */
  whole(act) {
    if (this.#isWhole) return act();
    this.#isWhole = true;
    return this.#storage.transactionSync(act);
  }

  run(query, parameters) {
    const kinds = parameters.map(({ tag }) => tag[0]).join("");
    const plan = sqlPlan(query, kinds);
    const bound = parameters.map(bind);
    const found =
      plan.verb === "reads" ? this.#read(plan, bound)
      : plan.verb === "looks" ? this.#take(this.#sql.exec(plan.text, ...bound), whole)
      : this.whole(() => this.#write(query, kinds, plan, bound));
    const [changed, last] = this.#row("SELECT changes(), CAST(last_insert_rowid() AS TEXT)");
    return { ...found, changed: plan.verb === "writes" ? BigInt(changed) : 0n, lastInsertRowid: BigInt(last) };
  }

  #read(plan, bound) {
    let columns;
    try {
      columns = this.#sql.exec(plan.bare, ...bound.slice(0, plan.bareParameters)).columnNames;
    } catch {
      // What is wrong is told of the statement as it was written.
      const cursor = this.#sql.exec(plan.text, ...bound);
      columns = cursor.columnNames;
      close(cursor);
    }
    const { rows } = this.#take(this.#sql.exec(sqlTyped(plan.text, columns.length), ...bound), marked);
    return { columns, rows };
  }

  #write(query, kinds, plan, bound) {
    const before = this.#sql.databaseSize;
    const found = this.#returned(query, kinds, plan, bound);
    sqlStores(before, this.#sql.databaseSize, this.#most);
    return found;
  }

  #returned(query, kinds, plan, bound) {
    if (plan.returns) {
      const columns = plan.allOf === undefined ? [] : this.#columnsOf(plan.allOf);
      const more = sqlReturning(query, kinds, columns);
      const cursor = more && attempt(() => this.#sql.exec(more.text, ...bound));
      if (cursor) return this.#takeTyped(cursor, more.columns);
    }
    return this.#take(this.#sql.exec(plan.text, ...bound), whole);
  }

  #columnsOf(table) {
    const cursor = this.#sql.exec("SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1", table);
    return [...cursor.raw()].map(([name]) => name);
  }

  #row(query) {
    return [...this.#sql.exec(query).raw()][0];
  }

  /** Takes the rows of a cursor whose last columns are the types of the others. */
  #takeTyped(cursor, types) {
    const { columns, rows } = this.#take(cursor, (value) => value, (row) => {
      const values = row.slice(0, row.length - types);
      return values.map((value, at) => typed(value, row[row.length - types + at]));
    });
    return { columns: columns.slice(0, columns.length - types), rows };
  }

  #take(cursor, value, all = (row) => row.map(value)) {
    const columns = cursor.columnNames.map(asWritten);
    const rows = [];
    try {
      for (const row of cursor.raw()) {
        const values = all(row);
        rows.push(values);
        this.#values += values.length;
        this.#bytes += values.reduce((sum, it) => sum + size(it), 0);
        sqlGives(rows.length, this.#values, this.#bytes);
      }
    } catch (error) {
      close(cursor);
      throw error;
    }
    return { columns, rows };
  }
}

/**
 * Ends a statement before its last row: while it is open its tables cannot be dropped, and what it wrote cannot be
 * committed. The platform has no other way to say so than to ask for the one row that there is.
 */
function close(cursor) {
  attempt(() => cursor.one());
}

function attempt(act) {
  try {
    return act();
  } catch {
    return undefined;
  }
}

const MAKES_INTEGER = /\(\+CAST\(([?:@$#]\S*) AS INTEGER\)\)/g;
/** A column is named after its expression, which has to be the guest's. */
const asWritten = (column) => column.replace(MAKES_INTEGER, "$1");

function bind({ tag, val }) {
  if (tag === "null") return null;
  if (tag === "integer") return String(val);
  // The array may be a view of the guest's memory.
  return tag === "blob" ? val.slice() : val;
}

const integer = (val) => ({ tag: "integer", val: BigInt(val) });

/** A value whose text has a mark. */
function marked(value) {
  if (typeof value !== "string") return other(value);
  return value[0] === "i" ? integer(value.slice(1)) : { tag: "text", val: value.slice(1) };
}

/** A value whose type is told beside it. */
function typed(value, type) {
  return typeof value === "number" && type !== null && type !== "r" ? integer(type) : other(value);
}

/** A value of which nothing more is known: what is whole is an integer. */
function whole(value) {
  const isInteger = Number.isInteger(value) && !Object.is(value, -0) && Math.abs(value) <= 2 ** 63;
  if (isInteger && !Number.isSafeInteger(value)) throw new Error("the number may be rounded; name the columns in RETURNING");
  return isInteger ? integer(value) : other(value);
}

function other(value) {
  if (value === null) return { tag: "null" };
  if (typeof value === "number") return { tag: "real", val: value };
  return typeof value === "string" ? { tag: "text", val: value } : { tag: "blob", val: new Uint8Array(value) };
}

const encoder = new TextEncoder();
function size({ tag, val }) {
  if (tag === "blob") return val.length;
  return tag === "text" ? encoder.encode(val).length : 0;
}
