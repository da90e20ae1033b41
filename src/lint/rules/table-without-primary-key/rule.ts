import type { Rule } from '../../rule.ts';
import { contains, shown } from '../../sql/node.ts';
import { addedConstraints, bodyOf } from '../../statement.ts';

export const tableWithoutPrimaryKey: Rule = {
  id: 'table-without-primary-key',
  hazard: null,
  severity: 'info',
  concern: 'compatibility',
  title: 'CREATE TABLE without a primary key',
  why: "Rows cannot be told apart by logical replication, by batched changes, or by Drydock's own undo and rescue.",
  safeForm: 'Give the table a primary key.',
  on: ['CreateStmt'],
  *check(statement, { file }) {
    const create = bodyOf(statement, 'CreateStmt');
    if (
      create === undefined ||
      create.partbound !== undefined ||
      create.relation?.relpersistence === 't'
    )
      return;
    const inherits =
      (create.inhRelations ?? []).length > 0 || contains(create.tableElts, 'TableLikeClause');
    const hasKey = contains([create], 'Constraint', ({ contype }) => contype === 'CONSTR_PRIMARY');
    const later = file.statements.some((each) =>
      addedConstraints(each, 'CONSTR_PRIMARY').some(
        ({ table }) => shown(table) === shown(create.relation),
      ),
    );
    if (inherits || hasKey || later) return;
    yield {
      objects: [shown(create.relation)],
      lock: null,
      message: `${shown(create.relation)} has no primary key.`,
    };
  },
};
