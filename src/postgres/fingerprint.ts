// What a schema is, as facts with names, and as one digest. Two databases with equal facts have the
// same schema whatever their object ids and history are; Drydock's own schema stays out.

import type { Database } from './connect.ts';
import facts from './fingerprint.sql';

/** One fact of a schema: a column, a constraint, the owner of a table, a comment. */
export interface SchemaFact {
  /** What the fact belongs to, such as `table public.users`. */
  readonly object: string;
  /** Its name, such as `column public.users.email`. */
  readonly fact: string;
  readonly definition: string;
}

/** One difference between two schemas. */
export interface SchemaDifference {
  readonly change: 'missing' | 'added' | 'changed';
  readonly fact: string;
  /** For people: `column public.users.email is missing`. */
  readonly sentence: string;
}

/** A schema in a few characters for each of its objects: enough to name the objects that differ. */
export interface SchemaDigest {
  readonly fingerprint: string;
  readonly objects: Readonly<Record<string, string>>;
}

// Lengths go before the texts, so that no two lists of facts run together into the same text.
const factsDigest = `encode(sha256(convert_to(string_agg(
    concat(length(object), ':', object, length(fact), ':', fact, length(definition), ':', definition),
    '' ORDER BY object COLLATE "C", fact COLLATE "C", definition COLLATE "C"), 'UTF8')), 'hex')`;

/**
 * The digest of a whole schema, computed on the server.
 *
 * @example (await schemaFingerprint(staging)) === (await schemaFingerprint(copy))
 */
export async function schemaFingerprint(database: Database): Promise<string> {
  const [row] = await withoutSearchPath<{ fingerprint: string }>(
    database,
    `SELECT ${factsDigest} AS fingerprint FROM (${facts}) facts`,
  );
  return row?.fingerprint ?? '';
}

/**
 * The digest of a whole schema and of each of its objects, as a dump carries them: pg_dump leaves
 * an invalid index (a failed CREATE INDEX CONCURRENTLY) out, so it counts for nothing here.
 */
export async function schemaDigest(database: Database): Promise<SchemaDigest> {
  const rows = await withoutSearchPath<{ object: string | null; digest: string }>(
    database,
    `SELECT object, ${factsDigest} AS digest FROM (${facts}) facts
      WHERE NOT (fact LIKE 'index %' AND definition LIKE '% invalid')
      GROUP BY ROLLUP (object) ORDER BY object COLLATE "C"`,
  );
  return {
    fingerprint: rows.find(({ object }) => object === null)?.digest ?? '',
    objects: Object.fromEntries(
      rows.flatMap(({ object, digest }) =>
        object === null ? [] : [[object, digest.slice(0, 12)]],
      ),
    ),
  };
}

/** The digest of a whole schema together with its facts, of one and the same moment. */
export async function factsWithFingerprint(
  database: Database,
): Promise<{ readonly fingerprint: string; readonly facts: readonly SchemaFact[] }> {
  const rows = await withoutSearchPath<SchemaFact & { fingerprint: string }>(
    database,
    `WITH facts AS MATERIALIZED (${facts}),
          digest AS (SELECT ${factsDigest} AS fingerprint FROM facts)
     SELECT facts.*, digest.fingerprint FROM digest LEFT JOIN facts ON true`,
  );
  return {
    fingerprint: rows[0]?.fingerprint ?? '',
    facts: rows.map(({ object, fact, definition }) => ({ object, fact, definition })),
  };
}

/** Every fact of a schema, in the order of their names. */
export async function schemaFacts(database: Database): Promise<SchemaFact[]> {
  return await withoutSearchPath<SchemaFact>(
    database,
    `SELECT * FROM (${facts}) facts ORDER BY fact COLLATE "C", object COLLATE "C"`,
  );
}

/**
 * What is different in `after`, by name.
 *
 * @example schemaDifference(before, after)[0]?.sentence // 'column public.users.email is missing'
 */
export function schemaDifference(
  before: readonly SchemaFact[],
  after: readonly SchemaFact[],
): SchemaDifference[] {
  const definitions = (side: readonly SchemaFact[]): Record<string, string> =>
    Object.fromEntries(side.map(({ fact, definition }) => [fact, definition]));
  return differenceByName(definitions(before), definitions(after));
}

/** The objects that are different in `after`: as much as digests can tell. */
export function digestDifference(before: SchemaDigest, after: SchemaDigest): SchemaDifference[] {
  return differenceByName(before.objects, after.objects);
}

function differenceByName(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): SchemaDifference[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].sort().flatMap((fact): SchemaDifference[] => {
    if (before[fact] === after[fact]) return [];
    if (after[fact] === undefined) {
      return [{ change: 'missing', fact, sentence: `${fact} is missing` }];
    }
    return before[fact] === undefined
      ? [{ change: 'added', fact, sentence: `${fact} was added` }]
      : [{ change: 'changed', fact, sentence: `${fact} is different` }];
  });
}

// Names are printed qualified only while the search_path is empty; and compiling a query of this size
// (jit) takes many times longer than running it. All in one message to the server: that is one
// transaction even where none is open, so the settings end with it; inside an open transaction the
// old values are put back, and are local to that transaction as the new ones were.
async function withoutSearchPath<Row extends object>(
  database: Database,
  query: string,
): Promise<Row[]> {
  const rows = await database.query<Row>(
    `SELECT set_config('drydock.search_path', current_setting('search_path'), true),
            set_config('drydock.jit', current_setting('jit'), true),
            set_config('search_path', '', true), set_config('jit', 'off', true);
     ${query}`,
  );
  await database.query(
    `SELECT set_config('search_path', current_setting('drydock.search_path', true), true),
            set_config('jit', COALESCE(NULLIF(current_setting('drydock.jit', true), ''), 'on'), true)`,
  );
  return rows;
}
