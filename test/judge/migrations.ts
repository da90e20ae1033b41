// Migrations that do harm, each with the code that its authors would deploy after it.

/** How code for the new schema differs from code for the old one. Columns are `table.column`. */
export interface NewCode {
  readonly renamedTables?: Readonly<Record<string, string>>;
  readonly renamedColumns?: Readonly<Record<string, string>>;
  /** Tables and columns that are no longer written. */
  readonly gone?: readonly string[];
  /** Columns that hold whole numbers only. */
  readonly whole?: readonly string[];
  /** A column that only this code writes. */
  readonly addedColumn?: string;
  /** A table of `id bigint, body text` that only this code writes. */
  readonly addedTable?: string;
}

/** One harmful migration. */
export interface HarmfulMigration {
  readonly name: string;
  readonly sql: string;
  readonly newCode: NewCode;
}

const one: readonly HarmfulMigration[] = [
  {
    name: 'add column',
    sql: `ALTER TABLE customers ADD COLUMN nickname text DEFAULT 'none'`,
    newCode: { addedColumn: 'customers.nickname' },
  },
  {
    name: 'drop column',
    sql: 'ALTER TABLE customers DROP COLUMN profile',
    newCode: { gone: ['customers.profile'] },
  },
  {
    name: 'rename column',
    sql: 'ALTER TABLE customers RENAME COLUMN name TO full_name',
    newCode: { renamedColumns: { 'customers.name': 'full_name' } },
  },
  {
    name: 'lossy type',
    sql: 'ALTER TABLE customers ALTER COLUMN balance TYPE int USING round(balance)::int',
    newCode: { whole: ['customers.balance'] },
  },
  {
    name: 'bad update',
    sql: `UPDATE customers SET email = 'lost', visits = -1 WHERE id % 3 = 0`,
    newCode: {},
  },
  {
    name: 'bad delete',
    sql: '-- drydock: deletes orders\nDELETE FROM customers WHERE id % 7 = 0',
    newCode: {},
  },
  {
    name: 'ghost rows',
    sql: `INSERT INTO customers (id, name, balance)
            SELECT 900000000 + n, 'ghost', 0 FROM generate_series(1, 20) n`,
    newCode: {},
  },
  { name: 'drop table', sql: 'DROP TABLE drafts', newCode: { gone: ['drafts'] } },
  {
    name: 'rename table',
    sql: 'ALTER TABLE orders RENAME TO purchases',
    newCode: { renamedTables: { orders: 'purchases' } },
  },
  {
    name: 'create table',
    sql: 'CREATE TABLE shipments (id bigint PRIMARY KEY, body text)',
    newCode: { addedTable: 'shipments' },
  },
  { name: 'partition delete', sql: 'DELETE FROM events WHERE id % 5 = 0', newCode: {} },
];

// Rows first, while every name is still the old one.
const order = ['bad update', 'bad delete', 'ghost rows', 'partition delete'];

function everything(): HarmfulMigration {
  const rows = one.filter(({ name }) => order.includes(name));
  const shape = one.filter(({ name }) => !order.includes(name));
  const codes = one.map(({ newCode }) => newCode);
  return {
    name: 'everything at once',
    sql: [...rows, ...shape].map(({ sql }) => sql).join(';\n'),
    newCode: {
      renamedTables: Object.assign({}, ...codes.map((code) => code.renamedTables ?? {})),
      renamedColumns: Object.assign({}, ...codes.map((code) => code.renamedColumns ?? {})),
      gone: codes.flatMap(({ gone = [] }) => gone),
      whole: codes.flatMap(({ whole = [] }) => whole),
      addedColumn: 'customers.nickname',
      addedTable: 'shipments',
    },
  };
}

/** Each harm alone, and all of them in one transaction. */
export const harmfulMigrations: readonly HarmfulMigration[] = [...one, everything()];

/** Harm to rows that have no key: undo finds them by all that they hold, and no rescue can explain them. */
export const keylessHarm: HarmfulMigration = {
  name: 'rows without a key',
  sql: `DELETE FROM notes WHERE customer % 5 = 0; UPDATE notes SET body = 'lost' WHERE customer % 3 = 0`,
  newCode: {},
};
