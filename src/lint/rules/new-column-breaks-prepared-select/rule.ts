import { columnsAddedToRows } from '../../added-column.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';

export const newColumnBreaksPreparedSelect: Rule = {
  id: 'new-column-breaks-prepared-select',
  hazard: 19,
  severity: 'info',
  concern: 'compatibility',
  title: 'ADD COLUMN while sessions hold prepared SELECT * statements',
  why: 'A prepared SELECT * fails with "cached plan must not change result type" in sessions that prepared it before. Statements that name their columns are fine.',
  safeForm: 'Let the application name its columns, or restart its connections after the apply.',
  on: ['AlterTableStmt'],
  commands: ['AT_AddColumn'],
  *check(statement, { schema }) {
    const [first] = columnsAddedToRows(statement, schema);
    if (first === undefined) return;
    yield {
      start: first.start,
      end: first.end,
      objects: [shown(first.table)],
      message: `Sessions that prepared SELECT * FROM ${shown(first.table)} get an error once; others notice nothing.`,
    };
  },
};
