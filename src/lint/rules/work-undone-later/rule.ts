import type { FileContext, Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { bodyOf, droppedNames } from '../../statement.ts';

export const workUndoneLater: Rule = {
  id: 'work-undone-later',
  hazard: 73,
  severity: 'warning',
  concern: 'lock',
  title: 'An index is built and dropped again in the same deploy',
  why: 'The build reads the whole table for nothing, and every lock is taken twice.',
  safeForm: 'Leave out both; where the index is built anew, build it once, in its last form.',
  *checkFile(file) {
    const built = new Map<string, number>();
    for (const [at, statement] of file.statements.entries()) {
      const index = bodyOf(statement, 'IndexStmt');
      if (index?.idxname !== undefined) built.set(index.idxname, at);
      const drop = bodyOf(statement, 'DropStmt');
      if (drop?.removeType !== 'OBJECT_INDEX') continue;
      for (const name of droppedNames(drop)) {
        if (!built.has(name.relname ?? '') || wasTemporary(file, at)) continue;
        yield {
          statement,
          objects: [shown(name)],
          lock: null,
          message: `${shown(name)} was built a few statements before: the work was for nothing.`,
        };
      }
    }
  },
};

// An index that a data change in between needed was not for nothing.
function wasTemporary(file: FileContext, droppedAt: number): boolean {
  return file.statements
    .slice(0, droppedAt)
    .some(
      (each) =>
        bodyOf(each, 'UpdateStmt') ?? bodyOf(each, 'InsertStmt') ?? bodyOf(each, 'DeleteStmt'),
    );
}
