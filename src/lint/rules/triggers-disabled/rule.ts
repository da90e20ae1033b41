import type { Rule } from '../../rule.ts';
import { constantText, shown } from '../../sql/node.ts';
import { alterations, bodyOf } from '../../statement.ts';

export const triggersDisabled: Rule = {
  id: 'triggers-disabled',
  hazard: 59,
  severity: 'warning',
  concern: 'security',
  title: 'DISABLE TRIGGER ALL',
  why: 'Foreign keys are enforced by triggers too: with ALL they are off, and rows that break them stay. It takes SHARE ROW EXCLUSIVE.',
  safeForm:
    'DISABLE TRIGGER USER, or by name, for as short as can be; enable them again in the same transaction.',
  on: ['AlterTableStmt', 'VariableSetStmt'],
  commands: ['AT_DisableTrigAll'],
  *check(statement, { schema }) {
    for (const { table, start, end } of alterations(statement, 'AT_DisableTrigAll')) {
      if (schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `Foreign keys of ${shown(table)} are not enforced from here on.`,
      };
    }
    const set = bodyOf(statement, 'VariableSetStmt');
    if (set?.name === 'session_replication_role' && constantText(set.args?.[0]) === 'replica') {
      yield {
        objects: [],
        message: 'Foreign keys and triggers of every table are off in this session from here on.',
      };
    }
  },
};
