import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { addedConstraints } from '../../statement.ts';

export const foreignKeyNotValidOnPartitionedTable: Rule = {
  id: 'foreign-key-not-valid-on-partitioned-table',
  hazard: 22,
  severity: 'error',
  concern: 'cannot-run',
  title: 'A foreign key NOT VALID on a partitioned table',
  why: 'PostgreSQL 17 and older refuse it; the plain form blocks writes on every partition while it checks them. 18 allows it.',
  safeForm:
    "Add the key NOT VALID to each partition and validate it there, then add it to the parent: the partitions' keys are taken over.",
  on: ['AlterTableStmt'],
  commands: ['AT_AddConstraint'],
  *check(statement, { schema }) {
    if ((schema.serverVersion ?? 0) >= 180000) return;
    for (const { table, constraint, start, end } of addedConstraints(statement, 'CONSTR_FOREIGN')) {
      const known = schema.table(table);
      if (!constraint.skip_validation || known?.kind !== 'partitioned table') continue;
      yield {
        start,
        end,
        objects: [shown(table), shown(constraint.pktable)],
        dependsOn:
          schema.serverVersion === undefined ? 'whether the server is older than 18' : undefined,
        message: `${shown(table)} is partitioned: servers before 18 refuse a foreign key NOT VALID on it.`,
      };
    }
  },
};
