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
  *checkFile(file) {
    const keyed = new Set(
      file.statements.flatMap((each) =>
        addedConstraints(each, 'CONSTR_PRIMARY').map(({ table }) => shown(table)),
      ),
    );
    for (const statement of file.statements) {
      const create = bodyOf(statement, 'CreateStmt');
      const table = create?.relation;
      if (create === undefined || create.partbound !== undefined || table?.relpersistence === 't')
        continue;
      const inherits =
        (create.inhRelations ?? []).length > 0 || contains(create.tableElts, 'TableLikeClause');
      const hasKey = contains(
        [create],
        'Constraint',
        ({ contype }) => contype === 'CONSTR_PRIMARY',
      );
      if (inherits || hasKey || keyed.has(shown(table))) continue;
      yield {
        statement,
        objects: [shown(table)],
        lock: null,
        message: `${shown(table)} has no primary key.`,
      };
    }
  },
};
