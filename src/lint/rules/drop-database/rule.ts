import type { Rule } from '../../rule.ts';
import { quoted } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const dropDatabase: Rule = {
  id: 'drop-database',
  hazard: 48,
  severity: 'error',
  concern: 'data-loss',
  title: 'DROP DATABASE or DROP TABLESPACE',
  why: 'Irreversible, and not a migration: nothing of it can be rolled back.',
  safeForm: 'Do it by hand, never in a migration.',
  on: ['DropdbStmt', 'DropTableSpaceStmt'],
  *check(statement) {
    const name =
      bodyOf(statement, 'DropdbStmt')?.dbname ??
      bodyOf(statement, 'DropTableSpaceStmt')?.tablespacename ??
      '';
    yield { objects: [quoted(name)], message: `Everything in ${quoted(name)} is lost for ever.` };
  },
};
