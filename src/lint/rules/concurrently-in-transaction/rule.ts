import { mustRunAlone } from '../../../migration/statement-class.ts';
import { firstWords } from '../../../migration/steps.ts';
import { outsideTransaction } from '../../fix/edit.ts';
import { locksOf } from '../../locks-of.ts';
import type { Rule } from '../../rule.ts';

export const concurrentlyInTransaction: Rule = {
  id: 'concurrently-in-transaction',
  hazard: 3,
  severity: 'error',
  concern: 'transaction',
  title: 'A CONCURRENTLY form between BEGIN and COMMIT',
  why: 'PostgreSQL refuses it inside a transaction block (error 25001): it commits several times by itself.',
  safeForm:
    'Put the statement outside BEGIN and COMMIT, or into a migration of its own: Drydock runs it alone.',
  on: [
    'IndexStmt',
    'DropStmt',
    'ReindexStmt',
    'VacuumStmt',
    'ClusterStmt',
    'AlterTableStmt',
    'AlterSystemStmt',
    'CreatedbStmt',
    'DropdbStmt',
    'CreateTableSpaceStmt',
    'DropTableSpaceStmt',
    'CreateSubscriptionStmt',
    'DropSubscriptionStmt',
    'DoStmt',
  ],
  *check(statement, { schema, transaction }) {
    if (!mustRunAlone(statement.node)) return;
    const isInBlock = transaction.kind === 'own' || statement.inside !== undefined;
    if (!isInBlock) return;
    yield {
      objects: locksOf(statement, schema).map((lock) => lock.shown),
      message: `${firstWords(statement.text)} cannot run inside a transaction: the server refuses it.`,
      fix: outsideTransaction(statement),
    };
  },
};
