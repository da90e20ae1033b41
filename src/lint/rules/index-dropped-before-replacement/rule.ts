import { editOf, replaceText } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
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
    const builds = file.statements.filter((each) => bodyOf(each, 'IndexStmt') !== undefined);
    for (const statement of builds.length === 0 ? [] : file.statements) {
      const drop = bodyOf(statement, 'DropStmt');
      if (drop?.removeType !== 'OBJECT_INDEX') continue;
      for (const name of droppedNames(drop)) {
        const next = builds.find(
          (each) => each.start > statement.start && replaces(each, name.relname ?? ''),
        );
        if (next === undefined) continue;
        yield {
          statement,
          objects: [shown(name)],
          lock: null,
          message: `${shown(name)} is gone while its replacement is still being built: queries that need it read the whole table.`,
          fix: inOtherOrder(statement, next, name.relname ?? ''),
        };
      }
    }
  },
};

// Where both have one name, the new index is built under another and takes the name at the end.
function inOtherOrder(drop: Statement, create: Statement, name: string): ReturnType<typeof editOf> {
  if (bodyOf(create, 'IndexStmt')?.idxname !== name) {
    return editOf(replaceText(drop, create.text), replaceText(create, drop.text));
  }
  const next = quoted(`${name}_next`);
  const built = create.text.replace(quoted(name), next);
  const renamed = `${drop.text};\nALTER INDEX ${next} RENAME TO ${quoted(name)}`;
  return editOf(replaceText(drop, built), replaceText(create, renamed));
}

// A new index of the same name, or of a name that begins or ends like it, stands in for the old one.
function replaces(statement: Statement, dropped: string): boolean {
  const name = bodyOf(statement, 'IndexStmt')?.idxname;
  if (name === undefined) return false;
  return name === dropped || name.startsWith(dropped) || dropped.startsWith(name);
}
