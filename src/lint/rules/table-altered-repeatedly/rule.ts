import type { RangeVar } from '@pgsql/types';
import { merged } from '../../fix/merge.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { alterations, bodyOf, type Statement } from '../../statement.ts';

export const tableAlteredRepeatedly: Rule = {
  id: 'table-altered-repeatedly',
  hazard: 68,
  severity: 'info',
  concern: 'lock',
  title: 'Several ALTER TABLE of one table in a row',
  why: 'Each one takes the lock, and may read or write the table again.',
  safeForm:
    'One ALTER TABLE with several commands, unless one of them validates or proves what another adds.',
  *checkFile(file, schema) {
    let before: Statement | undefined;
    for (const statement of file.statements) {
      const [table, previous] = [statement, before].map((each) => each && alteredTable(each));
      const isSame =
        table !== undefined && previous !== undefined && schema.key(table) === schema.key(previous);
      const touches = [before, statement].some((each) =>
        each === undefined
          ? false
          : alterations(
              each,
              'AT_ValidateConstraint',
              'AT_SetNotNull',
              'AT_DropConstraint',
              'AT_AddConstraint',
            ).length > 0,
      );
      if (
        before !== undefined &&
        isSame &&
        !touches &&
        !schema.isNew(table) &&
        statement.inside === undefined
      ) {
        yield {
          statement,
          objects: [shown(table)],
          message: `${shown(table)} is altered once more right after the statement before.`,
          fix: merged(before, statement, file.sql),
        };
      }
      before = statement;
    }
  },
};

function alteredTable(statement: Statement): RangeVar | undefined {
  const alter = bodyOf(statement, 'AlterTableStmt');
  return alter?.objtype === 'OBJECT_TABLE' ? alter.relation : undefined;
}
