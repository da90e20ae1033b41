// Sessions that write to a random database without pause, and the model of what they wrote. Each owns its
// keys, so its own order is the order of all that happens to a row; which transactions a database holds, its
// table `writes` tells.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, quoteIdentifier } from '../src/postgres/address.ts';
import { connect, type Database } from '../src/postgres/connect.ts';
import { Dice, type RandomDatabase, type RandomTable } from './random-database.ts';

type Row = Readonly<Record<string, string | null>>;

interface Effect {
  readonly table: string;
  readonly id: number;
  /** The whole row, or the columns that change; null deletes it. */
  readonly row: Row | null;
}

interface Transaction {
  readonly id: string;
  readonly effects: readonly Effect[];
}

/** Tables with their rows by key, each cell as the server prints it. */
export type Model = Readonly<Record<string, Readonly<Record<string, Row>>>>;

const writerCount = 3;

/** The sessions at work. */
export class RandomWriters {
  readonly #made: RandomDatabase;
  readonly #address: Address;
  readonly #log: Transaction[] = [];
  /** Ids whose COMMIT was answered. */
  readonly acknowledged: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(address: Address, made: RandomDatabase, seed: number) {
    this.#address = address;
    this.#made = made;
    const writers = Array.from({ length: writerCount }, (_, number) =>
      this.#write(number, new Dice(seed + number + 1)),
    );
    this.#running = Promise.all(writers);
  }

  /** Waits until so many more transactions were acknowledged. */
  async more(transactions: number): Promise<void> {
    const goal = this.acknowledged.length + transactions;
    while (this.acknowledged.length < goal) await Promise.race([sleep(20), this.#running]);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** What the transactions come to of which the ids are found. */
  model(found: ReadonlySet<string>): Model {
    const tables: Record<string, Record<string, Row>> = {};
    for (const { name } of this.#made.tables) tables[name] = {};
    for (const { id, effects } of this.#log) {
      if (!found.has(id)) continue;
      for (const { table, id: key, row } of effects) {
        const rows = tables[table] ?? {};
        if (row === null) delete rows[key];
        else rows[key] = { ...rows[key], ...row };
      }
    }
    return tables;
  }

  async #write(number: number, dice: Dice): Promise<void> {
    const { signal } = this.#stop;
    let count = 0;
    while (!signal.aborted) {
      try {
        await using database = await connect(this.#address, { purpose: 'writer' });
        await database.execute(`SET timezone = 'UTC'; SET intervalstyle = 'postgres'`);
        while (!signal.aborted) {
          count += 1;
          await this.#transaction(database, { id: `${number}/${count}`, number, dice });
        }
      } catch {
        // Ended by the swap: an application comes again.
        await sleep(10);
      }
    }
  }

  async #transaction(
    database: Database,
    { id, number, dice }: { readonly id: string; readonly number: number; readonly dice: Dice },
  ): Promise<void> {
    const effects: Effect[] = [];
    try {
      await database.execute('BEGIN; SET CONSTRAINTS ALL DEFERRED');
      await database.execute('INSERT INTO writes VALUES ($1)', [id]);
      for (let left = 1 + dice.below(3); left > 0; left -= 1) {
        const table = dice.of(this.#made.tables);
        const key = dice.below(400) * writerCount + number;
        const effect = await this.#change(database, table, { key, dice });
        if (effect !== undefined) effects.push(effect);
      }
    } catch {
      // The bad migration took the column or the table; or the key is there already.
      await database.execute('ROLLBACK');
      return;
    }
    // Before its answer: a foreign key may refuse it, a connection may break, and `writes` tells.
    this.#log.push({ id, effects });
    await database.execute('COMMIT');
    this.acknowledged.push(id);
  }

  // What was changed; nothing where there was no such row.
  async #change(
    database: Database,
    table: RandomTable,
    { key, dice }: { readonly key: number; readonly dice: Dice },
  ): Promise<Effect | undefined> {
    const kind = dice.below(8);
    if (kind === 0) {
      const { rowCount } = await database.execute(`DELETE FROM ${table.sql} WHERE id = $1`, [key]);
      return rowCount === 1 ? { table: table.name, id: key, row: null } : undefined;
    }
    if (kind < 4) {
      const column = dice.of(table.columns);
      const value = column.value(dice);
      const { rowCount } = await database.execute(
        `UPDATE ${table.sql} SET ${quoteIdentifier(column.name)} = $2 WHERE id = $1`,
        [key, value],
      );
      return rowCount === 1
        ? { table: table.name, id: key, row: { [column.name]: value } }
        : undefined;
    }
    const other = dice.below(4) === 0 ? String(dice.below(400 * writerCount)) : null;
    const values = [...table.columns.map((column) => column.value(dice)), other];
    const names = ['id', ...table.columns.map(({ name }) => quoteIdentifier(name)), 'other'];
    const places = names.map((_, place) => `$${place + 1}`);
    const { rowCount } = await database.execute(
      `INSERT INTO ${table.sql} (${names.join(', ')}) VALUES (${places.join(', ')}) ON CONFLICT DO NOTHING`,
      [key, ...values],
    );
    if (rowCount !== 1) return undefined;
    const cells = table.columns.map(({ name }, place) => [name, values[place] ?? null]);
    return {
      table: table.name,
      id: key,
      row: { id: String(key), ...Object.fromEntries(cells), other },
    };
  }
}

/** Every cell of a random database, and the ids of the transactions in it. */
export async function readModel(
  address: Address,
  { tables }: RandomDatabase,
): Promise<{ readonly model: Model; readonly writes: ReadonlySet<string> }> {
  await using database = await connect(address, { purpose: 'test' });
  await database.execute(
    `SET timezone = 'UTC'; SET intervalstyle = 'postgres'; BEGIN ISOLATION LEVEL REPEATABLE READ`,
  );
  const model: Record<string, Record<string, Row>> = {};
  for (const { name, sql, columns } of tables) {
    const names = ['id', ...columns.map((column) => column.name), 'other'];
    const cells = names.map((each) => `${quoteIdentifier(each)}::text`).join(', ');
    const rows = await database.query<Row>(`SELECT ${cells} FROM ${sql}`);
    model[name] = Object.fromEntries(rows.map((row) => [row.id, row]));
  }
  const ids = await database.query<{ id: string }>('SELECT id FROM writes');
  return { model, writes: new Set(ids.map(({ id }) => id)) };
}
