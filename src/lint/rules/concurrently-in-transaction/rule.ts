import { mustRunAlone } from '../../../migration/statement-class.ts';
import { firstWords } from '../../../migration/steps.ts';
import { outsideTransaction } from '../../fix/edit.ts';
import { locksOf } from '../../locks-of.ts';
import type { Rule } from '../../rule.ts';
import { strings } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

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
    'CallStmt',
    'DoStmt',
  ],
  *check(statement, { schema, transaction }) {
    const procedure = strings(bodyOf(statement, 'CallStmt')?.funccall?.funcname).at(-1) ?? '';
    if (schema.routines.get(procedure)?.commits && transaction.kind !== 'none') {
      yield {
        objects: [],
        lock: null,
        message: `${procedure} commits by itself, which the server refuses inside a transaction.`,
        safeForm:
          'Write its body as a DO block: Drydock runs one that commits outside any transaction.',
      };
    }
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
