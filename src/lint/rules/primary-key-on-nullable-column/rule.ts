import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { addedConstraints } from '../../statement.ts';

export const primaryKeyOnNullableColumn: Rule = {
  id: 'primary-key-on-nullable-column',
  hazard: 26,
  severity: 'error',
  concern: 'lock',
  title: 'PRIMARY KEY USING INDEX on a column that may be NULL',
  why: 'A primary key makes its columns NOT NULL, and to prove that the server reads the whole table under ACCESS EXCLUSIVE.',
  safeForm:
    'Prove it first: CHECK (c IS NOT NULL) NOT VALID, VALIDATE, SET NOT NULL; then the primary key.',
  work: 'scan',
  on: ['AlterTableStmt'],
  commands: ['AT_AddConstraint'],
  *check(statement, { schema }) {
    for (const { table, constraint, start, end } of addedConstraints(statement, 'CONSTR_PRIMARY')) {
      if (constraint.indexname === undefined || schema.isNew(table)) continue;
      const known = schema.table(table);
      const index = schema.indexesOf(table).find((each) => each.name === constraint.indexname);
      const columns = index?.columns.map((column) => known?.columns.get(column)) ?? [undefined];
      const nullable = columns.find((column) => column?.notNull === false);
      const isUnknown = nullable === undefined && columns.includes(undefined);
      if (nullable === undefined && !isUnknown) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        ...(isUnknown ? { severity: 'info' as const } : {}),
        dependsOn: isUnknown
          ? `whether the columns of ${constraint.indexname} are NOT NULL already`
          : undefined,
        message: isUnknown
          ? `If a column of ${constraint.indexname} may be NULL, the server reads all of ${shown(table)} while nobody can use it.`
          : `${nullable?.name} may be NULL: the server reads all of ${shown(table)} while nobody can use it.`,
      };
    }
  },
};
