// The expected database: the seed, and what the ledger says was written since.

import type { Ledger, WrittenEffect, WrittenTransaction } from './ledger.ts';
import type { Picture, Row } from './picture.ts';

/** Rows by key; by a running number in a table without one. */
export type ModelTable = Map<string, Row>;

/** Whether a column of `orders` follows `customers`: the one foreign key, and it cascades. */
const child = { table: 'orders', column: 'customer_id' };

/** The name of a row in a {@link ModelTable}. */
export function keyOf(key: readonly string[], row: Row): string {
  return JSON.stringify(key.map((column) => row[column] ?? null));
}

/**
 * Seed and ledger, played through in memory.
 *
 * @param found ids of transactions that the judged database holds: they settle commits in doubt
 */
export function expectedTables(
  ledger: Ledger,
  found: ReadonlySet<string>,
): ReadonlyMap<string, ModelTable> {
  const model = new Model(ledger.seed);
  for (const transaction of ledger.transactions) {
    if (transaction.outcome === 'in doubt' && !found.has(transaction.id)) continue;
    model.play(transaction);
  }
  return model.tables;
}

class Model {
  readonly tables = new Map<string, ModelTable>();
  readonly #seed: Picture;
  #number = 0;

  constructor(seed: Picture) {
    this.#seed = seed;
    for (const [table, { rows }] of Object.entries(seed.tables)) {
      this.tables.set(table, new Map());
      for (const row of rows) this.#put(table, row);
    }
  }

  play({ id, effects }: WrittenTransaction): void {
    this.#put('writes', { id });
    for (const effect of effects) {
      if (effect.kind === 'insert') this.#insert(effect);
      else for (const [name, row] of this.#matching(effect)) this.#change(effect, name, row);
    }
  }

  #insert({ table, row }: Extract<WrittenEffect, { kind: 'insert' }>): void {
    this.#put(table, row);
    if (table === 'customers') this.#audit('INSERT', row);
  }

  #change(effect: Exclude<WrittenEffect, { kind: 'insert' }>, name: string, row: Row): void {
    this.#table(effect.table).delete(name);
    const changed = effect.kind === 'update' ? { ...row, ...effect.set } : null;
    if (changed !== null) this.#put(effect.table, changed);
    if (effect.table !== 'customers') return;
    this.#audit(changed === null ? 'DELETE' : 'UPDATE', changed ?? row);
    if (changed?.id !== row.id) this.#cascade(row.id ?? null, changed?.id ?? null);
  }

  #cascade(from: string | null, to: string | null): void {
    const children = this.#table(child.table);
    for (const [name, row] of children) {
      if (row[child.column] !== from) continue;
      if (to === null) children.delete(name);
      else children.set(name, { ...row, [child.column]: to });
    }
  }

  #audit(operation: string, { id }: Row): void {
    this.#number += 1;
    this.#table('audit').set(`new ${this.#number}`, { operation, key: id ?? null });
  }

  #matching({
    table,
    where,
    rows: met,
  }: Exclude<WrittenEffect, { kind: 'insert' }>): readonly [string, Row][] {
    const rows = this.#table(table);
    const key = this.#keyOf(table);
    if (key.length > 0) {
      const name = keyOf(key, where);
      const row = rows.get(name);
      return row === undefined ? [] : [[name, row]];
    }
    const columns = Object.keys(where);
    return [...rows]
      .filter(([, row]) => columns.every((column) => row[column] === where[column]))
      .slice(0, met);
  }

  #put(table: string, row: Row): void {
    const key = this.#keyOf(table);
    this.#number += 1;
    this.#table(table).set(key.length > 0 ? keyOf(key, row) : `${this.#number}`, row);
  }

  #keyOf(table: string): readonly string[] {
    return this.#seed.tables[table]?.key ?? [];
  }

  #table(name: string): ModelTable {
    const table = this.tables.get(name);
    if (table === undefined) throw new Error(`the seed has no table ${name}`);
    return table;
  }
}
