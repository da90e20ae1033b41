import { renamePlan } from '../../fix/plan.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown, strings } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const renameBreaksRunningCode: Rule = {
  id: 'rename-breaks-running-code',
  hazard: 43,
  severity: 'error',
  concern: 'compatibility',
  title: 'A table, column, enum value or schema is renamed or moved',
  why: 'The lock is brief, but from that moment on running code that uses the old name fails.',
  safeForm:
    'Expand and contract: add the new name (a new column kept in step, or a view under the old name), move the code, then drop the old one.',
  on: ['RenameStmt', 'AlterObjectSchemaStmt', 'AlterEnumStmt'],
  *check(statement, { schema }) {
    const rename = bodyOf(statement, 'RenameStmt');
    const move = bodyOf(statement, 'AlterObjectSchemaStmt');
    const value = bodyOf(statement, 'AlterEnumStmt');
    const table = rename?.relation ?? move?.relation;
    if (schema.isNew(table)) return;
    if (rename !== undefined && !isVisible(rename.renameType)) return;
    if (move !== undefined && !isVisible(move.objectType)) return;
    if (value !== undefined && value.oldVal === undefined) return;
    const what =
      rename?.renameType === 'OBJECT_COLUMN'
        ? `${shown(table)}.${quoted(rename.subname ?? '')}`
        : shown(table) ||
          (value === undefined
            ? (rename?.subname ?? 'it')
            : `the value '${value.oldVal}' of ${strings(value.typeName).join('.')}`);
    yield {
      objects: table === undefined ? [] : [shown(table)],
      message: `Running code that uses ${what} fails from this moment on.`,
      fix: rename === undefined ? undefined : renamePlan(statement, rename),
    };
  },
};

// What code names in its queries; indexes, constraints and triggers are not.
function isVisible(kind: string | undefined): boolean {
  return /^OBJECT_(TABLE|COLUMN|VIEW|MATVIEW|SCHEMA|FUNCTION|PROCEDURE|ROUTINE|TYPE|SEQUENCE|ATTRIBUTE|DOMAIN)$/.test(
    kind ?? '',
  );
}
