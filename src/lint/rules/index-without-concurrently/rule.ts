import { editOf, insertAfter } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const indexWithoutConcurrently: Rule = {
  id: 'index-without-concurrently',
  hazard: 1,
  severity: 'warning',
  concern: 'lock',
  title: 'CREATE INDEX without CONCURRENTLY',
  why: 'The build takes SHARE on the table: every write waits until it is done.',
  safeForm: 'CREATE INDEX CONCURRENTLY, outside BEGIN and COMMIT: Drydock runs it alone.',
  work: 'index build',
  on: ['IndexStmt'],
  *check(statement, { schema, transaction }) {
    const index = bodyOf(statement, 'IndexStmt');
    const table = index?.relation;
    if (index === undefined || index.concurrent || schema.isNew(table)) return;
    if (schema.table(table)?.kind === 'partitioned table') return;
    // ON ONLY is for partitioned tables, where it builds nothing.
    if (table?.inh !== true && schema.table(table)?.hasAllColumns !== true) return;
    yield {
      objects: [shown(table)],
      message: `Building this index on ${shown(table)} blocks every write to it until the build is done.`,
      fix:
        transaction.kind === 'own'
          ? undefined
          : editOf(insertAfter(statement, /^create\s+(?:unique\s+)?index\b/i, ' CONCURRENTLY')),
    };
  },
};
