// Takes a few rows of each table of a live database into a copy of its schema, so that every foreign key
// holds there. The live database is read by one statement for each table, none of them for long.

import { type Context, type StepReporter, throwIfInterrupted } from '../../core/context.ts';
import { Failure } from '../../core/failure.ts';
import { thousands } from '../../core/thousands.ts';
import type { Database } from '../../postgres/connect.ts';
import { sqlStateOf } from '../../postgres/server-error.ts';
import { collectStatistics } from '../../postgres/statistics.ts';
import { dropOrphans, type Orphans } from './orphans.ts';
import { type ForeignKey, parentsFirst, readSampledTables, type SampledTable } from './tables.ts';

/** From where to where. */
export interface Sampling {
  /** A session that the server refuses every write. */
  readonly live: Database;
  /** A superuser's session on the copy: loading must fire no trigger. */
  readonly copy: Database;
  /** The most rows of each table. */
  readonly most: number;
  readonly reporter: StepReporter;
}

// Longer than it takes to read the first rows of any table; a table that has to be searched for rows
// that fit is given up then.
const longestRead = '20s';

// Both sides write and read values in the same way, whatever their settings are.
const manner = "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'";

/** Fills the copy. What is left out is said. */
export async function sampleRows(
  context: Context,
  { live, copy, most, reporter }: Sampling,
): Promise<void> {
  await live.execute(`${manner}; SET statement_timeout = '${longestRead}'`);
  // Foreign keys are made true at the end; until then their triggers would refuse rows, and the
  // application's own would change them.
  await copy.execute(`${manner}; SET session_replication_role = 'replica'`);
  const tables = parentsFirst(await readSampledTables(live));
  const taken = new Set<string>();
  const gone = new Map<ForeignKey, Orphans>();
  for (const [index, table] of tables.entries()) {
    throwIfInterrupted(context.signal);
    reporter.progress(`${index} of ${tables.length} tables`);
    const why = await take(table, { live, copy, most, taken }).catch(refusal);
    if (why !== undefined) {
      context.emit({ kind: 'note', text: `The copy has no rows of ${table.name}: ${why}.` });
    }
    taken.add(table.name);
    // Before other tables take it for a parent.
    const soFar = tables.slice(0, index + 1);
    const closesCircle = soFar.some(({ keys }) => keys.some(({ parent }) => parent === table.name));
    if (closesCircle) {
      await dropOrphans(copy, soFar, { gone, isThere: (parent) => taken.has(parent) });
    }
  }
  await dropOrphans(copy, tables, { gone, isThere: () => true });
  for (const { table, key, rows } of gone.values()) {
    const text = `Rows of ${table} that were left out, because ${key} wants others that are not in the sample: ${thousands(rows)}.`;
    context.emit({ kind: 'note', text });
  }
  await copySequences(live, copy);
  await collectStatistics(copy);
}

async function take(
  { name, rows, columns, keys }: SampledTable,
  how: Pick<Sampling, 'live' | 'copy' | 'most'> & { readonly taken: ReadonlySet<string> },
): Promise<undefined> {
  const { live, copy, most, taken } = how;
  const values: (readonly string[])[] = [];
  const fits: string[] = [];
  for (const key of keys.filter(({ parent }) => parent !== name && taken.has(parent))) {
    fits.push(isInSample(key, values.length + 1));
    values.push(...(await parentValues(copy, key)));
  }
  const where = fits.length === 0 ? '' : ` WHERE ${fits.join(' AND ')}`;
  const found = await live.query<{ row: string }>(
    `SELECT (sampled_row.*)::text AS row FROM ${rows} AS sampled_row${where} LIMIT ${most}`,
    values,
  );
  if (found.length === 0 || columns.length === 0) return;
  await copy.execute(
    `INSERT INTO ${name} (${columns.join(', ')}) OVERRIDING SYSTEM VALUE
     SELECT ${columns.map((column) => `(r).${column}`).join(', ')}
       FROM (SELECT each::${name} AS r FROM unnest($1::text[]) AS each OFFSET 0) AS sample`,
    [found.map(({ row }) => row)],
  );
}

// A key with a null in it refers to nothing (manual, 5.5.5, MATCH SIMPLE).
function isInSample({ columns, types }: ForeignKey, firstParameter: number): string {
  const own = columns.map((column) => `sampled_row.${column}`);
  const sample = types.map((type, index) => `$${firstParameter + index}::text[]::${type}[]`);
  const isNull = own.map((column) => `${column} IS NULL OR `).join('');
  return `(${isNull}(${own.join(', ')}) IN (SELECT * FROM unnest(${sample.join(', ')})))`;
}

async function parentValues(
  copy: Database,
  { parent, parentColumns }: ForeignKey,
): Promise<readonly (readonly string[])[]> {
  const { values } = await copy.one<{ values: readonly (readonly string[])[] }>(
    `SELECT json_build_array(${parentColumns
      .map((column) => `COALESCE(json_agg(${column}::text), '[]')`)
      .join(', ')}) AS values FROM ${parent}`,
  );
  return values;
}

// A table that may not be read, takes too long, or holds rows that its own constraint would refuse.
function refusal(failure: unknown): string {
  const state = failure instanceof Failure ? sqlStateOf(failure) : undefined;
  if (!(failure instanceof Failure) || state === undefined || !/^(42501|57014|23)/.test(state)) {
    throw failure;
  }
  return failure.message;
}

// Otherwise the first row that the plan inserts would get a number that is taken.
async function copySequences(live: Database, copy: Database): Promise<void> {
  const sequences = await live.query<{ name: string; value: string }>(
    `SELECT format('%I.%I', schemaname, sequencename) AS name, last_value::text AS value
       FROM pg_sequences WHERE last_value IS NOT NULL AND schemaname !~ '^drydock'`,
  );
  for (const { name, value } of sequences) {
    await copy.query('SELECT setval(to_regclass($1), $2)', [name, value]);
  }
}
