// Indexes that cost every write and serve no query: what a failed CREATE INDEX CONCURRENTLY leaves behind.

import type { DatabaseProbe } from './database-probe.ts';

type IndexNames = readonly string[];

/** The indexes that are not valid, but for those that are being built. */
export const invalidIndexes: DatabaseProbe<IndexNames> = {
  name: 'indexes',
  // The index of a partitioned table (relkind I) is not valid until those of all partitions are attached,
  // which may be the next migration's. Whose build is hidden from this role may be the one of any index.
  sql: `SELECT coalesce(json_agg(i.indexrelid::regclass::text ORDER BY 1), '[]')
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
         WHERE NOT i.indisvalid AND NOT EXISTS (
               SELECT FROM pg_stat_progress_create_index p
                WHERE p.datname = current_database()
                  AND (p.relid IS NULL OR p.index_relid IN (0, i.indexrelid)))`,
  describe: (names) => (names.length === 0 ? 'all valid' : `${names.length} not valid`),
  over: (names, limits) =>
    names.length <= limits.invalidIndexes
      ? []
      : names.map((name) => ({ what: name, text: `${name} is not valid` })),
};
