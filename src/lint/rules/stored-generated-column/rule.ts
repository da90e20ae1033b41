import { columnsAddedToRows } from '../../added-column.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { alterations, constraintOf } from '../../statement.ts';

export const storedGeneratedColumn: Rule = {
  id: 'stored-generated-column',
  hazard: 13,
  severity: 'error',
  concern: 'lock',
  title: 'ADD COLUMN … GENERATED ALWAYS AS (…) STORED',
  why: 'The value is computed and written for every row: the table and all its indexes are rewritten under ACCESS EXCLUSIVE. So does SET EXPRESSION (17 and newer). VIRTUAL columns (18) and DROP EXPRESSION change the catalog only.',
  safeForm:
    'A plain column filled by a trigger and a backfill in batches (-- drydock: batch); or VIRTUAL on PostgreSQL 18.',
  work: 'rewrite',
  on: ['AlterTableStmt'],
  commands: ['AT_AddColumn', 'AT_SetExpression'],
  *check(statement, { schema }) {
    for (const { table, name, constraints, start, end } of columnsAddedToRows(statement, schema)) {
      const generated = constraintOf(constraints, 'CONSTR_GENERATED');
      if (generated === undefined) continue;
      if (generated.generated_kind === 'v') continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `Computing ${quoted(name)} rewrites all of ${shown(table)} while nobody can read it.`,
      };
    }
    for (const { table, name, start, end } of alterations(statement, 'AT_SetExpression')) {
      if (schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `The new expression of ${quoted(name)} rewrites all of ${shown(table)} while nobody can read it.`,
      };
    }
  },
};
