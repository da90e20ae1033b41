// Statistics of a restored database, so that the planner need not guess.

import type { Database } from './connect.ts';

/** What is done beside analysing. */
export interface StatisticsOptions {
  /**
   * Marks the pages that everybody may see as such (VACUUM): without the marks an index-only scan reads
   * the table too, and the planner knows that (manual, 73.4). On the way of a restore it takes a tenth of
   * the time that loading took, at most, and autovacuum would come for it in the first minutes after.
   */
  readonly vacuum: boolean;
}

/**
 * Analyses every table and materialised view here. A partitioned table with a partition on another server
 * is left out, and its other partitions are not: ANALYZE reads rows of all partitions, and fails when that
 * server does not answer.
 */
export async function collectStatistics(
  database: Database,
  { vacuum }: StatisticsOptions = { vacuum: false },
): Promise<void> {
  const verb = vacuum ? 'VACUUM (ANALYZE)' : 'ANALYZE';
  const far = `WITH RECURSIVE far AS (
      SELECT oid AS id FROM pg_class WHERE relkind = 'f'
      UNION SELECT inhparent FROM pg_inherits JOIN far ON inhrelid = far.id)`;
  const { mixed } = await database.one<{ mixed: boolean }>(
    `${far} SELECT EXISTS (SELECT FROM far JOIN pg_class c ON c.oid = far.id WHERE relkind <> 'f') AS mixed`,
  );
  if (!mixed) {
    await database.execute(verb);
    return;
  }
  const tables = await database.query<{ name: string }>(
    `${far} SELECT format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_toast'
        AND c.relpersistence <> 't' AND NOT EXISTS (SELECT FROM far WHERE far.id = c.oid)`,
  );
  await database.execute(`${verb} ${tables.map(({ name }) => name).join(', ')}`);
}
