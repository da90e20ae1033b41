// The application's code, old and new: the same effect as a statement for the one schema or the other.

import { quoteIdentifier } from '../../src/postgres/address.ts';
import type { Effect } from './ledger.ts';
import type { NewCode } from './migrations.ts';
import type { Row } from './picture.ts';

/** A statement, and what it does in the names of the old schema. */
export interface CodedStatement {
  readonly sql: string;
  readonly values: readonly (string | null)[];
  readonly effect: Effect;
  /** True when it also writes what the old schema cannot hold. */
  readonly isBeyond: boolean;
}

/** Translates effects for one schema. */
export class ApplicationCode {
  readonly #new: NewCode;

  /** @param code what is new; nothing in code for the old schema */
  constructor(code: NewCode) {
    this.#new = code;
  }

  get addedTable(): string | undefined {
    return this.#new.addedTable;
  }

  /** Nothing where the schema has no place for any of it. */
  statement(wanted: Effect): CodedStatement | undefined {
    if (this.#new.gone?.includes(wanted.table) === true) return undefined;
    const effect = this.#withinSchema(wanted);
    const table = quoteIdentifier(this.#new.renamedTables?.[effect.table] ?? effect.table);
    const added = this.#added(effect);
    const values: (string | null)[] = [];
    const parameter = (value: string | null): string => `$${values.push(value)}`;
    const pairs = (row: Row, extra: Row = {}): [string, string][] => [
      ...Object.entries(row).map(([column, value]): [string, string] => [
        this.#column(effect.table, column),
        parameter(value),
      ]),
      ...Object.entries(extra).map(([column, value]): [string, string] => [
        quoteIdentifier(column),
        parameter(value),
      ]),
    ];
    const equal = (row: Row): string =>
      pairs(row)
        .map(([column, value]) => `${column} = ${value}`)
        .join(' AND ');
    const isBeyond = Object.keys(added).length > 0;
    if (effect.kind === 'delete') {
      const sql = `DELETE FROM ${table} WHERE ${equal(effect.where)}`;
      return { sql, values, effect, isBeyond };
    }
    if (effect.kind === 'insert') {
      const cells = pairs(effect.row, added);
      const columns = cells.map(([column]) => column).join(', ');
      const list = cells.map(([, value]) => value).join(', ');
      return {
        sql: `INSERT INTO ${table} (${columns}) VALUES (${list})`,
        values,
        effect,
        isBeyond,
      };
    }
    if (Object.keys(effect.set).length === 0) return undefined;
    const set = pairs(effect.set, added).map(([column, value]) => `${column} = ${value}`);
    const sql = `UPDATE ${table} SET ${set.join(', ')} WHERE ${equal(effect.where)}`;
    return { sql, values, effect, isBeyond };
  }

  #withinSchema(effect: Effect): Effect {
    if (effect.kind === 'delete') return effect;
    return effect.kind === 'insert'
      ? { ...effect, row: this.#cells(effect.table, effect.row) }
      : { ...effect, set: this.#cells(effect.table, effect.set) };
  }

  #cells(table: string, row: Row): Row {
    const { gone = [], whole = [] } = this.#new;
    return Object.fromEntries(
      Object.entries(row)
        .filter(([column]) => !gone.includes(`${table}.${column}`))
        .map(([column, value]) => [
          column,
          whole.includes(`${table}.${column}`) ? (value ?? '').replace(/\..*/, '') : value,
        ]),
    );
  }

  #added(effect: Effect): Row {
    const [table, column] = this.#new.addedColumn?.split('.') ?? [];
    return column === undefined || table !== effect.table || effect.kind === 'delete'
      ? {}
      : { [column]: 'new' };
  }

  #column(table: string, column: string): string {
    return quoteIdentifier(this.#new.renamedColumns?.[`${table}.${column}`] ?? column);
  }
}
