import type { Rule } from '../../rule.ts';
import { rangeOf, shown, strings } from '../../sql/node.ts';
import { bodyOf, droppedNames, type Statement } from '../../statement.ts';

export const dropBreaksRunningCode: Rule = {
  id: 'drop-breaks-running-code',
  hazard: 46,
  severity: 'warning',
  concern: 'compatibility',
  title: 'A view, function, sequence or type is dropped',
  why: 'No rows are lost, but running code that uses it fails from the commit on.',
  safeForm:
    'Deploy code that does not use it first. To change it: CREATE OR REPLACE, or DROP and CREATE in one transaction.',
  *checkFile(file, schema) {
    // A name that the file makes before is its own, and one that it makes after is replaced.
    const made = new Set(file.statements.map(madeBy));
    const dropsTrigger = file.statements.some(
      (each) => bodyOf(each, 'DropStmt')?.removeType === 'OBJECT_TRIGGER',
    );
    for (const statement of file.statements) {
      const drop = bodyOf(statement, 'DropStmt');
      const what = kinds[drop?.removeType ?? ''];
      if (drop === undefined || what === undefined || statement.inside?.runs === false) continue;
      for (const name of droppedNames(drop)) {
        const bare = name.relname ?? '';
        const definition = schema.routines.get(bare)?.definition;
        // No code calls a trigger's function but its trigger. One that is not known and goes with a
        // trigger is most likely its function.
        const isOfTrigger =
          definition === undefined
            ? dropsTrigger
            : /\breturns\s+(?:event_)?trigger\b/i.test(definition);
        const isTold = what !== 'function' || !isOfTrigger;
        if (made.has(bare) || !isTold) continue;
        yield {
          statement,
          objects: [shown(name)],
          message: `Running code that uses the ${what} ${shown(name)} fails from this moment on.`,
        };
      }
    }
  },
};

const kinds: Readonly<Record<string, string>> = {
  OBJECT_VIEW: 'view',
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'procedure',
  OBJECT_ROUTINE: 'routine',
  OBJECT_AGGREGATE: 'aggregate',
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'domain',
  OBJECT_EXTENSION: 'extension',
};

// The bare name is enough: a file that drops one of two of the same name makes the other by intent.
function madeBy(statement: Statement): string | undefined {
  const parts =
    bodyOf(statement, 'CreateFunctionStmt')?.funcname ??
    bodyOf(statement, 'CreateEnumStmt')?.typeName ??
    bodyOf(statement, 'CreateDomainStmt')?.domainname ??
    bodyOf(statement, 'CreateRangeStmt')?.typeName ??
    bodyOf(statement, 'DefineStmt')?.defnames;
  if (parts !== undefined) return rangeOf(strings(parts)).relname;
  return (
    bodyOf(statement, 'ViewStmt')?.view ??
    bodyOf(statement, 'CreateTableAsStmt')?.into?.rel ??
    bodyOf(statement, 'CreateSeqStmt')?.sequence ??
    bodyOf(statement, 'CompositeTypeStmt')?.typevar ??
    bodyOf(statement, 'CreateStmt')?.relation
  )?.relname;
}
