import { editOf, replaceText } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { bodyOf, droppedNames, type Statement } from '../../statement.ts';

export const indexDroppedBeforeReplacement: Rule = {
  id: 'index-dropped-before-replacement',
  hazard: 8,
  severity: 'warning',
  concern: 'lock',
  title: 'An index is dropped before the one that replaces it is built',
  why: 'Until the new index is ready, every query that used the old one reads the whole table.',
  safeForm: 'Build the new index first, under another name, then drop the old one.',
  *checkFile(file) {
    for (const [at, statement] of file.statements.entries()) {
      const drop = bodyOf(statement, 'DropStmt');
      if (drop?.removeType !== 'OBJECT_INDEX') continue;
      for (const name of droppedNames(drop)) {
        const next = file.statements
          .slice(at + 1)
          .find((later) => replaces(later, name.relname ?? ''));
        if (next === undefined) continue;
        yield {
          statement,
          objects: [shown(name)],
          lock: null,
          message: `${shown(name)} is gone while its replacement is still being built: queries that need it read the whole table.`,
          fix: editOf(replaceText(statement, next.text), replaceText(next, statement.text)),
        };
      }
    }
  },
};

// A new index of the same name, or of a name that begins or ends like it, stands in for the old one.
function replaces(statement: Statement, dropped: string): boolean {
  const name = bodyOf(statement, 'IndexStmt')?.idxname;
  if (name === undefined) return false;
  return name === dropped || name.startsWith(dropped) || dropped.startsWith(name);
}
