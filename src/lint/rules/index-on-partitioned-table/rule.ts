import { partitionedIndexPlan } from '../../fix/plan.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const indexOnPartitionedTable: Rule = {
  id: 'index-on-partitioned-table',
  hazard: 7,
  severity: 'warning',
  concern: 'lock',
  title: 'CREATE INDEX on a partitioned table',
  why: 'It takes SHARE on the parent and on every partition until the last one is built; CONCURRENTLY is refused on a partitioned table.',
  safeForm:
    'CREATE INDEX … ON ONLY the parent, CREATE INDEX CONCURRENTLY on each partition, then ALTER INDEX … ATTACH PARTITION.',
  work: 'index build',
  on: ['IndexStmt'],
  *check(statement, { schema }) {
    const index = bodyOf(statement, 'IndexStmt');
    const table = index?.relation;
    const known = schema.table(table);
    if (index === undefined || known?.kind !== 'partitioned table' || schema.isNew(table)) return;
    if (table?.inh !== true) return;
    yield index.concurrent
      ? {
          objects: [shown(table)],
          severity: 'error',
          message: `${shown(table)} is partitioned: the server refuses CREATE INDEX CONCURRENTLY on it.`,
        }
      : {
          objects: [shown(table)],
          message: `Building this index blocks writes to ${shown(table)} and all its partitions until the last one is done.`,
          fix: partitionedIndexPlan(statement, schema),
        };
  },
};
