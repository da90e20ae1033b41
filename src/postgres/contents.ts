// What a database holds, in figures that a restore of its dump must reproduce.

import { thousands } from '../core/thousands.ts';
import { quoteLiteral } from './address.ts';
import type { Database } from './connect.ts';
import { digestDifference, type SchemaDigest, schemaDigest } from './fingerprint.ts';
import { type HashScope, type RowFigures, readRows } from './rows.ts';

/** Where a sequence stands. Values are texts: they may be larger than a JSON number holds. */
export interface SequencePosition {
  readonly last: string;
  /** False when `last` itself is the next value to be given out. */
  readonly called: boolean;
  readonly increment: string;
  readonly cycles: boolean;
}

/** Everything of a database that a proof compares. */
export interface Contents extends RowFigures {
  readonly sequences: Readonly<Record<string, SequencePosition>>;
  /** Installed extensions with their versions. */
  readonly extensions: Readonly<Record<string, string>>;
  readonly largeObjects: number;
  readonly schema: SchemaDigest;
}

/** One thing that is not as it should be. */
export interface ContentsDifference {
  readonly about: 'rows' | 'hash' | 'sequence' | 'extension' | 'large-objects' | 'schema';
  readonly object: string;
  readonly expected: string | number | null;
  readonly actual: string | number | null;
  /** For people: `table public.users has 99,999 rows instead of 100,000`. */
  readonly sentence: string;
}

/** The quick part of {@link Contents}: everything but the rows. */
export async function readOutline(database: Database): Promise<Omit<Contents, keyof RowFigures>> {
  const extensions = await database.query<{ name: string; version: string }>(
    'SELECT extname AS name, extversion AS version FROM pg_extension ORDER BY extname',
  );
  const { count } = await database.one<{ count: number }>(
    'SELECT count(*)::int AS count FROM pg_largeobject_metadata',
  );
  return {
    sequences: await readSequences(database),
    extensions: Object.fromEntries(extensions.map(({ name, version }) => [name, version])),
    largeObjects: count,
    schema: await schemaDigest(database),
  };
}

/** Reads all of {@link Contents}, in a session of the caller's own: see {@link readRows}. */
export async function readContents(database: Database, scope: HashScope): Promise<Contents> {
  return { ...(await readRows(database, scope)), ...(await readOutline(database)) };
}

/**
 * What is wrong with `actual`. A sequence may be ahead: it moves outside of transactions, so a dump
 * may have read it later than the figures were read.
 */
export function compareContents(expected: Contents, actual: Contents): ContentsDifference[] {
  return [
    ...compareRowFigures(expected, actual),
    ...compareSequences(expected.sequences, actual.sequences),
    ...compareExtensions(expected.extensions, actual.extensions),
    ...compareLargeObjects(expected.largeObjects, actual.largeObjects),
    ...compareSchemas(expected.schema, actual.schema),
  ];
}

/** What is wrong with the rows of `actual`. */
export function compareRowFigures(expected: RowFigures, actual: RowFigures): ContentsDifference[] {
  return [...compareRows(expected.tables, actual.tables), ...compareHashes(expected, actual)];
}

/** Where every sequence stands. */
export async function readSequences(database: Database): Promise<Record<string, SequencePosition>> {
  const sequences = await database.query<{ name: string; id: number }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, c.oid AS id
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
        AND NOT EXISTS (SELECT FROM pg_depend
                         WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
      ORDER BY 1`,
  );
  const rows = await inBatches<SequencePosition & { name: string }>(
    database,
    sequences.map(
      ({ name, id }) =>
        `SELECT ${quoteLiteral(name)} AS name, last_value::text AS last, is_called AS called,
                seqincrement::text AS increment, seqcycle AS cycles
           FROM ${name}, pg_sequence WHERE seqrelid = ${id}`,
    ),
  );
  return Object.fromEntries(rows.map(({ name, ...position }) => [name, position]));
}

// One query for many tables: a database may have ten thousand of them.
async function inBatches<Row extends object>(
  database: Database,
  queries: readonly string[],
): Promise<Row[]> {
  const batchSize = 200;
  const rows: Row[] = [];
  for (let start = 0; start < queries.length; start += batchSize) {
    const batch = queries.slice(start, start + batchSize);
    rows.push(...(await database.query<Row>(batch.join(' UNION ALL '))));
  }
  return rows;
}

function compareRows(
  expected: Contents['tables'],
  actual: Contents['tables'],
): ContentsDifference[] {
  return namesOf(expected, actual).flatMap((table) => {
    const before = expected[table];
    const after = actual[table];
    if (before === after) return [];
    return [
      {
        about: 'rows' as const,
        object: table,
        expected: before ?? null,
        actual: after ?? null,
        sentence: rowsSentence(table, before, after),
      },
    ];
  });
}

// Only on servers that hash alike; and where rows are missing, that says more.
function compareHashes(expected: RowFigures, actual: RowFigures): ContentsDifference[] {
  const [before, after] = [expected.hashes, actual.hashes];
  if (before.probe !== after.probe) return [];
  const rows = Object.entries(before.tables)
    .filter(([table]) => expected.tables[table] === actual.tables[table])
    .map(([table, hash]) => ({ object: `table ${table}`, hash, found: after.tables[table] }));
  const large =
    before.largeObjects === null || after.largeObjects === null
      ? []
      : [
          {
            object: 'one of the large objects',
            hash: before.largeObjects,
            found: after.largeObjects,
          },
        ];
  return [...rows, ...large]
    .filter(({ hash, found }) => hash !== found)
    .map(({ object, hash, found }) => ({
      about: 'hash',
      object,
      expected: hash,
      actual: found ?? null,
      sentence: `${object} has other content`,
    }));
}

function compareSequences(
  expected: Contents['sequences'],
  actual: Contents['sequences'],
): ContentsDifference[] {
  return namesOf(expected, actual).flatMap((sequence) => {
    const before = expected[sequence];
    const after = actual[sequence];
    if (before !== undefined && after !== undefined && !isBehind(after, before)) return [];
    return [
      {
        about: 'sequence' as const,
        object: sequence,
        expected: before?.last ?? null,
        actual: after?.last ?? null,
        sentence: `sequence ${sequence} stands at ${after?.last ?? 'nothing'} instead of ${before?.last ?? 'nothing'}`,
      },
    ];
  });
}

// A dump says CREATE EXTENSION without a version, so a server with newer files installs the newer one
// (pg_dump.c, dumpExtension): that is no loss.
function compareExtensions(
  expected: Contents['extensions'],
  actual: Contents['extensions'],
): ContentsDifference[] {
  return namesOf(expected, actual).flatMap((name) => {
    const before = expected[name] ?? null;
    const after = actual[name] ?? null;
    if (before !== null && after !== null) return [];
    const sentence =
      after === null ? `extension ${name} is missing` : `extension ${name} should not be there`;
    return [
      { about: 'extension' as const, object: name, expected: before, actual: after, sentence },
    ];
  });
}

function compareSchemas(expected: SchemaDigest, actual: SchemaDigest): ContentsDifference[] {
  return digestDifference(expected, actual)
    .filter(({ fact }) => !fact.startsWith('extension '))
    .map(({ fact, sentence }) => ({
      about: 'schema',
      object: fact,
      expected: expected.objects[fact] ?? null,
      actual: actual.objects[fact] ?? null,
      sentence,
    }));
}

function compareLargeObjects(expected: number, actual: number): ContentsDifference[] {
  if (expected === actual) return [];
  const sentence = `there are ${actual} large objects instead of ${expected}`;
  return [{ about: 'large-objects', object: 'large objects', expected, actual, sentence }];
}

/** True when one would give out again what the other one has given out. */
export function isBehind(position: SequencePosition, reference: SequencePosition): boolean {
  if (position.cycles) return false;
  const next = ({ last, called, increment }: SequencePosition): bigint =>
    BigInt(last) + (called ? BigInt(increment) : 0n);
  return BigInt(reference.increment) > 0n
    ? next(position) < next(reference)
    : next(position) > next(reference);
}

function namesOf(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

function rowsSentence(
  table: string,
  before: number | undefined,
  after: number | undefined,
): string {
  const rows = (count: number): string => `${thousands(count)} ${count === 1 ? 'row' : 'rows'}`;
  if (after === undefined) return `table ${table} with ${rows(before ?? 0)} is missing`;
  if (before === undefined) return `table ${table} with ${rows(after)} should not be there`;
  return `table ${table} has ${rows(after)} instead of ${rows(before)}`;
}
