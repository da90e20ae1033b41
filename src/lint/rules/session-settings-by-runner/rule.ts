import type { Rule } from '../../rule.ts';
import { bodyOf } from '../../statement.ts';

export const sessionSettingsByRunner: Rule = {
  id: 'session-settings-by-runner',
  hazard: 66,
  severity: 'info',
  concern: 'lock',
  title: 'statement_timeout, idle timeouts or application_name set in a migration',
  why: 'A statement_timeout that is right on one server stops a migration half-way on another; the name hides who is at work from the operators.',
  safeForm: 'Leave them out: Drydock names its sessions and watches how long they run.',
  on: ['VariableSetStmt'],
  *check(statement) {
    const set = bodyOf(statement, 'VariableSetStmt');
    const names = [
      'statement_timeout',
      'idle_in_transaction_session_timeout',
      'application_name',
      'transaction_timeout',
    ];
    if (!names.includes(set?.name ?? '')) return;
    yield {
      objects: [],
      message: `${set?.name} is Drydock's to set, the same for every migration.`,
    };
  },
};
