// Room left in sequences and integer keys: the last number of an integer key is the last row.

import { type DatabaseProbe, percent } from './database-probe.ts';

type Keys = readonly {
  readonly name: string;
  /** From 0 to 1. */
  readonly used: number;
}[];

const largest = `CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
                                 ELSE 9223372036854775807 END`;

// A sequence counts to its own end or to that of its column's type, whichever comes first. One that is locked
// (by ALTER SEQUENCE) is not waited for.
const sequences = `
  SELECT s.oid::regclass::text AS name,
         CASE WHEN has_sequence_privilege(q.seqrelid, 'SELECT, USAGE') AND NOT EXISTS (
                     SELECT FROM pg_locks l WHERE l.relation = q.seqrelid
                        AND l.mode IN ('ExclusiveLock', 'AccessExclusiveLock'))
              THEN pg_sequence_last_value(q.seqrelid) END::float8
           / least(q.seqmax, ${largest})::float8 AS used
    FROM pg_sequence q JOIN pg_class s ON s.oid = q.seqrelid AND s.relpersistence <> 't'
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid
          AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
    LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
   WHERE q.seqincrement > 0 AND NOT q.seqcycle AND q.seqmax > 0`;

// Keys that no sequence fills, and columns that refer to a wider key: as ANALYZE last saw their values.
const columns = `
  SELECT format('%s.%I', k.conrelid::regclass, a.attname),
         (s.histogram_bounds::text::bigint[])[array_upper(s.histogram_bounds::text::bigint[], 1)]::float8
           / ${largest}
    FROM pg_constraint k
    JOIN pg_class t ON t.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
         AND a.atttypid IN ('int2'::regtype, 'int4'::regtype)
    JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = t.relname AND s.attname = a.attname
   WHERE n.nspname <> 'pg_catalog' AND k.contype IN ('p', 'f') AND s.histogram_bounds IS NOT NULL`;

/** The sequences and integer keys that are nearest to their end. */
export const keys: DatabaseProbe<Keys> = {
  name: 'keys',
  sql: `SELECT coalesce(json_agg(k ORDER BY k.used DESC), '[]') FROM (
          SELECT name, max(used) AS used FROM (${sequences} UNION ALL ${columns}) each
           WHERE used > 0 GROUP BY name ORDER BY 2 DESC LIMIT 20) k`,
  describe: ([fullest]) =>
    fullest === undefined ? 'none' : `fullest ${fullest.name}, ${percent(fullest.used)} used`,
  over: (all, limits) =>
    all
      .filter(({ used }) => used > limits.keysUsed)
      .map(({ name, used }) => ({ what: name, text: `${name} has used ${percent(used)}` })),
};
