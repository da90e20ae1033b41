// The application under load: a few sessions that write, code for the old schema until it
// fails, then code for the new one, and back again; whatever cuts their connections, they come again.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from '../../src/postgres/address.ts';
import { connect, type Database } from '../../src/postgres/connect.ts';
import { sqlStateOf } from '../../src/postgres/server-error.ts';
import { ApplicationCode, type CodedStatement } from './code.ts';
import type { Effect, Ledger, WrittenEffect, WrittenTransaction } from './ledger.ts';
import type { NewCode } from './migrations.ts';
import { takePicture } from './picture.ts';
import { Work } from './work.ts';

const writerCount = 6;

// As people do, so that six sessions leave the machine something to do the rest with; `script/soak` takes it away.
const thinkMs = Number(process.env.WRITERS_THINK_MS ?? 2);

// Undefined table, column; a value or a NULL that the other schema's type refuses; wrong type.
const otherSchema = new Set(['42P01', '42703', '22P02', '23502', '42804', '22003']);

// Missing parent, deadlock, lock timeout, serialization, read-only, cancelled, plan of an older schema.
const expectable = new Set(['23503', '40P01', '55P03', '40001', '25006', '57014', '0A000']);

/** Writers at work. */
export interface Writers {
  /** Resolves when so many more transactions have been acknowledged. */
  more(transactions: number): Promise<void>;
  /** Lets each finish its transaction. */
  stop(): Promise<Ledger>;
}

/** Starts them on a database made of `seed.sql`; its first picture is taken before the first write. */
export async function startWriters(address: Address, newCode: NewCode): Promise<Writers> {
  const seed = await takePicture(address);
  const log: Log = { transactions: [], surprises: [], reconnects: 0, acknowledged: 0 };
  const stop = new AbortController();
  const running = Array.from({ length: writerCount }, (_, number) =>
    new Writer({ address, newCode, log, number }).run(stop.signal),
  );
  const ended = Promise.all(running);
  return {
    more: async (transactions) => {
      const goal = log.acknowledged + transactions;
      while (log.acknowledged < goal) await Promise.race([sleep(20), ended]);
    },
    stop: async () => {
      stop.abort();
      await ended;
      const { transactions, surprises, reconnects } = log;
      return { seed, transactions, surprises, reconnects };
    },
  };
}

interface Log {
  readonly transactions: WrittenTransaction[];
  readonly surprises: string[];
  reconnects: number;
  acknowledged: number;
}

interface WriterOptions {
  readonly address: Address;
  readonly newCode: NewCode;
  readonly log: Log;
  readonly number: number;
}

class Writer {
  readonly #options: WriterOptions;
  readonly #work: Work;
  readonly #codes: Readonly<Record<'old' | 'new', ApplicationCode>>;
  #schema: 'old' | 'new' = 'old';
  #number = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#work = new Work(options.number, writerCount);
    this.#codes = { old: new ApplicationCode({}), new: new ApplicationCode(options.newCode) };
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#session(signal);
      } catch {
        // Fenced off, renamed or cut: the application comes again.
        this.#options.log.reconnects += 1;
        await sleep(10);
      }
    }
  }

  async #session(signal: AbortSignal): Promise<void> {
    await using database = await connect(this.#options.address, { purpose: 'writer' });
    while (!signal.aborted) {
      await this.#transaction(database);
      if (thinkMs > 0) await sleep(thinkMs);
    }
  }

  // Throws when the session is of no more use.
  async #transaction(database: Database): Promise<void> {
    this.#number += 1;
    const open: OpenTransaction = {
      id: `${this.#options.number}/${this.#number}`,
      effects: [],
      tickets: [],
      beyond: 0,
    };
    try {
      await database.execute('BEGIN');
      await database.execute('INSERT INTO writes VALUES ($1)', [open.id]);
      for (const effect of this.#work.next()) await this.#write(database, effect, open);
      await this.#aside(database, open);
    } catch (failure) {
      return await this.#refused(database, failure);
    }
    await this.#commit(database, open);
  }

  async #commit(database: Database, open: OpenTransaction): Promise<void> {
    const { log } = this.#options;
    const schema = this.#schema;
    try {
      await database.execute('COMMIT');
    } catch (failure) {
      // An integrity error at COMMIT is an answer; anything else leaves it open.
      if (/^(23|40)/.test(sqlStateOf(failure) ?? '')) return await this.#refused(database, failure);
      log.transactions.push({ ...open, schema, outcome: 'in doubt' });
      throw failure;
    }
    log.transactions.push({ ...open, schema, outcome: 'acknowledged' });
    log.acknowledged += 1;
  }

  async #write(database: Database, effect: Effect, open: OpenTransaction): Promise<void> {
    const statement = this.#codes[this.#schema].statement(effect);
    if (statement === undefined) return;
    const done = await this.#run(database, statement);
    if (done === undefined) return;
    open.effects.push(done);
    if (statement.isBeyond) open.beyond += 1;
  }

  // What was done; nothing where no row was met.
  async #run(database: Database, statement: CodedStatement): Promise<WrittenEffect | undefined> {
    const { sql, values, effect } = statement;
    if (effect.kind === 'insert' && effect.table === 'orders') {
      const { id } = await database.one<{ id: string }>(`${sql} RETURNING id::text`, values);
      this.#work.remember(id);
      return { ...effect, row: { ...effect.row, id }, rows: 1 };
    }
    const { rowCount } = await database.execute(sql, values);
    return rowCount ? { ...effect, rows: rowCount } : undefined;
  }

  // What is rolled back to a savepoint, a bare sequence, a row of a table that only the new code knows.
  async #aside(database: Database, open: OpenTransaction): Promise<void> {
    if (this.#work.isTime(6)) {
      await database.execute('SAVEPOINT regretted');
      for (const effect of this.#regrettable()) {
        const statement = this.#codes[this.#schema].statement(effect);
        if (statement !== undefined) await database.execute(statement.sql, statement.values);
      }
      await database.execute('ROLLBACK TO SAVEPOINT regretted');
    }
    if (this.#work.isTime(5)) {
      const { value } = await database.one<{ value: string }>(
        `SELECT nextval('tickets')::text AS value`,
      );
      open.tickets.push(value);
    }
    const { addedTable } = this.#codes[this.#schema];
    if (addedTable !== undefined && this.#work.isTime(8)) {
      await database.execute(`INSERT INTO ${addedTable} VALUES ($1, 'new')`, [this.#work.fresh()]);
      open.beyond += 1;
    }
  }

  #regrettable(): Effect[] {
    const id = this.#work.fresh();
    const row = { id, name: 'regretted', balance: '0' };
    const set = { email: 'regretted' };
    return [
      { kind: 'insert', table: 'customers', row },
      { kind: 'update', table: 'customers', where: { id }, set },
    ];
  }

  async #refused(database: Database, failure: unknown): Promise<void> {
    const state = sqlStateOf(failure);
    await database.execute('ROLLBACK');
    if (state !== undefined && otherSchema.has(state)) {
      this.#schema = this.#schema === 'old' ? 'new' : 'old';
    } else if (state !== undefined && !expectable.has(state) && !/^(08|57P)/.test(state)) {
      this.#options.log.surprises.push(`${state} ${String(failure)}`);
    }
  }
}

interface OpenTransaction {
  readonly id: string;
  readonly effects: WrittenEffect[];
  readonly tickets: string[];
  beyond: number;
}
