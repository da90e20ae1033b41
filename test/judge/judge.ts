// The judge of every way back that promises to lose no write. For whoever builds one:
//
//   await using fresh = await testDatabase({ sql: seed });            // seed.sql
//   const writers = await startWriters(fresh.address, migration.newCode);
//   await writers.more(500);    // code for the old schema
//   …apply migration.sql…       // one of migrations.ts
//   await writers.more(500);    // code for the new schema
//   …the way back…
//   await writers.more(500);    // code for the old schema again
//   const ledger = await writers.stop();
//   expect(await judge(fresh.address, ledger)).toEqual([]);
//
// The database must hold what the seed and the acknowledged transactions make, cell by cell, and nothing
// else; its schema, sequences, and modes of triggers, foreign keys and replica identities must be the
// seed's. Commits in doubt are settled by looking for their row of `writes`. A value that only the new
// schema can hold (`WrittenTransaction.beyond`) is not expected here: count it in the salvage. An update
// that met no row, since the migration had deleted it, is no write; of equal rows it changed as many as it
// met. Rows that the migration deleted go with the parent that the application deletes. Names in the
// schema `drydock` are not looked at.

import type { Address } from '../../src/postgres/address.ts';
import { schemaDifference } from '../../src/postgres/fingerprint.ts';
import type { Ledger } from './ledger.ts';
import { expectedTables, keyOf, type ModelTable } from './model.ts';
import { type Picture, type Row, takePicture } from './picture.ts';

/** One thing that is not as it must be. */
export interface Difference {
  readonly kind:
    | 'lost row'
    | 'ghost row'
    | 'wrong cell'
    | 'sequence'
    | 'schema'
    | 'mode'
    | 'surprise';
  /** Table or object, key, column, and both values. */
  readonly sentence: string;
}

// Its numbers come in the order of the commits, which no ledger knows.
const unordered = new Map([['audit', ['operation', 'key']]]);

/** Compares the database with seed and ledger. Nobody may write meanwhile. */
export async function judge(address: Address, ledger: Ledger): Promise<Difference[]> {
  const found = await takePicture(address);
  const writes = found.tables.writes?.rows.map(({ id }) => id ?? '') ?? [];
  const expected = expectedTables(ledger, new Set(writes));
  return [
    ...ledger.surprises.map((sentence): Difference => ({ kind: 'surprise', sentence })),
    ...schemaDifference(ledger.seed.facts, found.facts).map(
      ({ sentence }): Difference => ({ kind: 'schema', sentence }),
    ),
    ...modeDifferences(ledger.seed.modes, found.modes),
    ...sequenceDifferences(ledger, found),
    ...[...expected].flatMap(([table, rows]) => tableDifferences(table, rows, found)),
  ];
}

/** How many there are of each kind: what to show of thousands. */
export function tally(
  differences: readonly Difference[],
): Partial<Record<Difference['kind'], number>> {
  const counts: Partial<Record<Difference['kind'], number>> = {};
  for (const { kind } of differences) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function modeDifferences(seed: Picture['modes'], found: Picture['modes']): Difference[] {
  const names = [...new Set([...Object.keys(seed), ...Object.keys(found)])];
  return names
    .filter((name) => seed[name] !== found[name])
    .map((name) => ({ kind: 'mode', sentence: `${name}: ${seed[name]} became ${found[name]}` }));
}

// Numbers may be skipped; none may be given out twice.
function sequenceDifferences(ledger: Ledger, found: Picture): Difference[] {
  const tickets = ledger.transactions.flatMap((transaction) => transaction.tickets).map(Number);
  const twice = tickets.length - new Set(tickets).size;
  const orders = (found.tables.orders?.rows ?? []).map(({ id }) => Number(id));
  const audit = (found.tables.audit?.rows ?? []).map(({ id }) => Number(id));
  const least = { tickets, orders_id_seq: orders, audit_id_seq: audit };
  return [
    ...(twice > 0
      ? [{ kind: 'sequence' as const, sentence: `tickets: ${twice} given twice` }]
      : []),
    ...Object.entries(least).flatMap(([name, given]): Difference[] => {
      const highest = given.reduce((most, each) => Math.max(most, each), 0);
      const last = Number(found.sequences[name] ?? 0);
      const sentence = `${name} stands at ${last}, ${highest} was given out`;
      return last < highest ? [{ kind: 'sequence', sentence }] : [];
    }),
  ];
}

function tableDifferences(table: string, expected: ModelTable, found: Picture): Difference[] {
  const picture = found.tables[table];
  if (picture === undefined) return [{ kind: 'lost row', sentence: `the whole of ${table}` }];
  const columns = unordered.get(table);
  if (columns !== undefined || picture.key.length === 0) {
    return multisetDifferences(table, columns, { expected, found: picture.rows });
  }
  const rows = new Map(picture.rows.map((row) => [keyOf(picture.key, row), row]));
  return [
    ...[...rows.keys()]
      .filter((key) => !expected.has(key))
      .map((key): Difference => ({ kind: 'ghost row', sentence: `${table} ${key}` })),
    ...[...expected].flatMap(([key, row]): Difference[] => {
      const actual = rows.get(key);
      return actual === undefined
        ? [{ kind: 'lost row', sentence: `${table} ${key}` }]
        : cellDifferences(`${table} ${key}`, row, actual);
    }),
  ];
}

function cellDifferences(name: string, expected: Row, actual: Row): Difference[] {
  const columns = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return [...columns]
    .filter((column) => (expected[column] ?? null) !== (actual[column] ?? null))
    .map((column) => ({
      kind: 'wrong cell',
      sentence: `${name} ${column}: ${short(expected[column])} became ${short(actual[column])}`,
    }));
}

function multisetDifferences(
  table: string,
  columns: readonly string[] | undefined,
  { expected, found }: { readonly expected: ModelTable; readonly found: readonly Row[] },
): Difference[] {
  const counts = new Map<string, number>();
  const add = (row: Row, by: number): void => {
    const name = keyOf(columns ?? Object.keys(row).sort(), row);
    counts.set(name, (counts.get(name) ?? 0) + by);
  };
  for (const row of expected.values()) add(row, 1);
  for (const row of found) add(row, -1);
  return [...counts].flatMap(([name, count]) =>
    Array.from({ length: Math.abs(count) }, (): Difference => {
      const kind = count > 0 ? 'lost row' : 'ghost row';
      return { kind, sentence: `${table} ${name}` };
    }),
  );
}

function short(value: string | null | undefined): string {
  return value === null || value === undefined ? 'NULL' : value.slice(0, 60);
}
