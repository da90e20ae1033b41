import type { Rule } from '../../rule.ts';
import { pick, rangeOf, shown, strings } from '../../sql/node.ts';
import { alterations, bodyOf } from '../../statement.ts';

export const triggerChangeLocks: Rule = {
  id: 'trigger-change-locks',
  hazard: 58,
  severity: 'info',
  concern: 'lock',
  title: 'A trigger is created, dropped, enabled or disabled',
  why: 'CREATE TRIGGER and ENABLE or DISABLE take SHARE ROW EXCLUSIVE, DROP TRIGGER takes ACCESS EXCLUSIVE, briefly.',
  safeForm: 'Nothing to change: Drydock waits for the lock only briefly and tries again.',
  on: ['CreateTrigStmt', 'DropStmt', 'AlterTableStmt'],
  commands: ['AT_DisableTrig', 'AT_EnableAlwaysTrig', 'AT_EnableReplicaTrig', 'AT_EnableTrig'],
  *check(statement, { schema }) {
    const created = bodyOf(statement, 'CreateTrigStmt')?.relation;
    const drop = bodyOf(statement, 'DropStmt');
    const switched = alterations(
      statement,
      'AT_EnableTrig',
      'AT_DisableTrig',
      'AT_EnableAlwaysTrig',
      'AT_EnableReplicaTrig',
    )[0]?.table;
    const dropped =
      drop?.removeType === 'OBJECT_TRIGGER'
        ? rangeOf(strings(pick(drop.objects?.[0], 'List')?.items).slice(0, -1))
        : undefined;
    const table = created ?? dropped ?? switched;
    if (table === undefined || schema.isNew(table)) return;
    yield {
      objects: [shown(table)],
      message: `${shown(table)} is locked against ${dropped === undefined ? 'writes' : 'reads and writes'} for a moment.`,
    };
  },
};
