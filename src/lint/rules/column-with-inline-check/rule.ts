import { columnsAddedToRows } from '../../added-column.ts';
import { splitIn } from '../../fix/edit.ts';
import type { TransactionModel } from '../../model/transaction.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { addedColumns, alterations, constraintOf, type Statement } from '../../statement.ts';

export const columnWithInlineCheck: Rule = {
  id: 'column-with-inline-check',
  hazard: 15,
  severity: 'error',
  concern: 'lock',
  title: 'ADD COLUMN with a CHECK at the column',
  why: 'The server reads the whole table to check the new column under ACCESS EXCLUSIVE, although every value is the same. NOT ENFORCED (18) checks nothing.',
  safeForm:
    'ADD COLUMN, then ADD CONSTRAINT … CHECK … NOT VALID, then VALIDATE CONSTRAINT in another transaction.',
  work: 'scan',
  on: ['AlterTableStmt'],
  commands: ['AT_AddColumn'],
  *check(statement, { schema, transaction }) {
    for (const { table, name, constraints, start, end } of columnsAddedToRows(statement, schema)) {
      const check = constraintOf(constraints, 'CONSTR_CHECK');
      if (check === undefined || check.is_enforced === false) continue;
      if (check.skip_validation && !check.initially_valid) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `The CHECK on the new column ${quoted(name)} makes the server read all of ${shown(table)} while nobody can use it.`,
        fix: inlineCheckFix(statement, transaction, start, end),
      };
    }
  },
};

// Cuts `[CONSTRAINT name] CHECK (…)` out of the column and adds it as a table constraint.
function inlineCheckFix(
  statement: Statement,
  transaction: TransactionModel,
  start: number,
  end: number,
): ReturnType<typeof splitIn> {
  const [only, ...more] = alterations(statement);
  if (only === undefined || more.length > 0) return undefined;
  const command = statement.text.slice(start - statement.start, end - statement.start);
  const check =
    /\s+(?:constraint\s+(\S+)\s+)?check\s*(\((?:[^()']|'[^']*'|\([^()]*\))*\))\s*$/i.exec(command);
  if (check === null) return undefined;
  const [text, given, expression] = check;
  const column = addedColumns(statement)[0]?.name ?? '';
  const name = given ?? quoted(`${only.table.relname}_${column}_check`);
  const table = shown(only.table);
  const added = `${statement.text.slice(0, start - statement.start)}${command.slice(0, -text.length)}`;
  return splitIn(statement, transaction, {
    first: `${added};\nALTER TABLE ${table} ADD CONSTRAINT ${name} CHECK ${expression} NOT VALID`,
    second: `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name}`,
  });
}
