import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { alterations, bodyOf, droppedNames } from '../../statement.ts';

export const dropCascade: Rule = {
  id: 'drop-cascade',
  hazard: 46,
  severity: 'error',
  concern: 'data-loss',
  title: 'DROP … CASCADE, or DROP SCHEMA',
  why: 'CASCADE drops whatever depends on the object without naming it: DROP TYPE … CASCADE removes columns with their data.',
  safeForm:
    'List what depends on it (pg_depend), drop each by name, and the object last without CASCADE.',
  on: ['DropStmt', 'AlterTableStmt', 'DropOwnedStmt'],
  commands: ['AT_DropColumn', 'AT_DropConstraint'],
  *check(statement, { schema }) {
    const drop = bodyOf(statement, 'DropStmt');
    const owned = bodyOf(statement, 'DropOwnedStmt');
    const kind = (drop?.removeType ?? '').replace('OBJECT_', '').toLowerCase();
    const takesData =
      kind === 'schema' || kind === 'type' || kind === 'domain' || kind === 'extension';
    const cascades =
      drop?.behavior === 'DROP_CASCADE' && !/^(index|trigger|policy|rule)$/.test(kind);
    if (drop !== undefined && cascades) {
      const names = droppedNames(drop).filter((name) => !(kind === 'table' && schema.isNew(name)));
      if (names.length === 0) return;
      yield {
        objects: names.map(shown),
        lock: null,
        severity: takesData || kind === 'table' ? 'error' : 'warning',
        message: `Whatever depends on ${names.map(shown).join(', ')} goes too, unnamed${takesData ? ': columns with their data among it' : ''}.`,
      };
    }
    if (owned !== undefined) {
      yield { objects: [], message: 'Everything that the role owns is dropped with its data.' };
    }
    for (const each of alterations(statement, 'AT_DropColumn', 'AT_DropConstraint')) {
      if (each.command.behavior !== 'DROP_CASCADE' || schema.isNew(each.table)) continue;
      yield {
        start: each.start,
        end: each.end,
        objects: [shown(each.table)],
        severity: 'warning',
        message: `Whatever depends on ${quoted(each.name)} goes too, unnamed.`,
      };
    }
  },
};
