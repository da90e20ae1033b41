import { columnsAddedToRows } from '../../added-column.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { dataType, isBuiltIn, shownType } from '../../sql/type-name.ts';

export const columnOfConstrainedDomain: Rule = {
  id: 'column-of-constrained-domain',
  hazard: 14,
  severity: 'error',
  concern: 'lock',
  title: 'ADD COLUMN whose type is a domain with a constraint',
  why: 'The server checks the domain for every row, and does it by rewriting the table under ACCESS EXCLUSIVE, even without a default.',
  safeForm: "Use the domain's base type and a CHECK constraint NOT VALID, then VALIDATE it.",
  work: 'rewrite',
  on: ['AlterTableStmt'],
  commands: ['AT_AddColumn'],
  *check(statement, { schema }) {
    for (const { table, name, column, start, end } of columnsAddedToRows(statement, schema)) {
      const type = dataType(column.typeName);
      const known = schema.type(type);
      // The elements of an array are not checked when there are none.
      if (type.isArray || isBuiltIn(type)) continue;
      if (known !== undefined && !schema.isConstrained(type)) continue;
      const isUnknown = known === undefined;
      yield {
        start,
        end,
        objects: [shown(table)],
        ...(isUnknown ? { severity: 'info' as const } : {}),
        dependsOn: isUnknown
          ? `whether ${shownType(type)} is a domain with a constraint`
          : undefined,
        message: `${isUnknown ? `If ${shownType(type)} is a domain with a constraint, adding` : 'Adding'} ${quoted(name)} rewrites all of ${shown(table)} while nobody can read it.`,
      };
    }
  },
};
