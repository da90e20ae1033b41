import { firstWords } from '../../../migration/steps.ts';
import { editOf, insertAfter } from '../../fix/edit.ts';
import { locksOf } from '../../locks-of.ts';
import type { Rule } from '../../rule.ts';
import { alterations, bodyOf, type Statement } from '../../statement.ts';

export const notReRunnable: Rule = {
  id: 'not-re-runnable',
  hazard: 70,
  severity: 'info',
  concern: 're-runnable',
  title: 'A statement that fails when it is run again',
  why: 'After a half-done run the file cannot simply be run once more.',
  safeForm:
    'IF NOT EXISTS and IF EXISTS where the grammar has them. Drydock itself goes on from the step that failed.',
  on: [
    'CreateStmt',
    'CreateTableAsStmt',
    'IndexStmt',
    'CreateSeqStmt',
    'CreateSchemaStmt',
    'CreateExtensionStmt',
    'AlterEnumStmt',
    'DropStmt',
    'AlterTableStmt',
  ],
  commands: ['AT_AddColumn', 'AT_DropColumn', 'AT_DropConstraint'],
  *check(statement, { schema }) {
    const edit = reRunnableEdit(statement);
    if (edit === undefined) return;
    yield {
      objects: locksOf(statement, schema)
        .map((lock) => lock.shown)
        .slice(0, 1),
      lock: null,
      start: statement.start,
      message: `${firstWords(statement.text, 40)} fails when it is run a second time: ${edit.clause} is missing.`,
      fix: editOf(insertAfter(statement, edit.after, ` ${edit.clause}`)),
    };
  },
};

interface Clause {
  readonly clause: 'IF NOT EXISTS' | 'IF EXISTS';
  readonly after: RegExp;
}

// Only where the grammar has the clause: there is none for ADD CONSTRAINT, RENAME or CREATE TYPE.
function reRunnableEdit(statement: Statement): Clause | undefined {
  const missing = (after: RegExp): Clause => ({ clause: 'IF NOT EXISTS', after });
  const there = (after: RegExp): Clause => ({ clause: 'IF EXISTS', after });
  const table = bodyOf(statement, 'CreateStmt') ?? bodyOf(statement, 'CreateTableAsStmt');
  if (table !== undefined && !table.if_not_exists && !('is_select_into' in table)) {
    return missing(/^create\s+[^(]*?\b(?:table|materialized\s+view)\b/i);
  }
  const index = bodyOf(statement, 'IndexStmt');
  if (index !== undefined && !index.if_not_exists && index.idxname !== undefined) {
    return missing(/^create\s+(?:unique\s+)?index\b(?:\s+concurrently\b)?/i);
  }
  const sequence = bodyOf(statement, 'CreateSeqStmt');
  if (sequence !== undefined && !sequence.if_not_exists)
    return missing(/^create\s+[^(]*?\bsequence\b/i);
  const made = bodyOf(statement, 'CreateSchemaStmt');
  if (made !== undefined && !made.if_not_exists) return missing(/^create\s+schema\b/i);
  const extension = bodyOf(statement, 'CreateExtensionStmt');
  if (extension !== undefined && !extension.if_not_exists) return missing(/^create\s+extension\b/i);
  const value = bodyOf(statement, 'AlterEnumStmt');
  if (value !== undefined && value.oldVal === undefined && !value.skipIfNewValExists) {
    return missing(/^alter\s+type\s+[\s\S]*?\badd\s+value\b/i);
  }
  const drop = bodyOf(statement, 'DropStmt');
  if (drop !== undefined && !drop.missing_ok) {
    return there(
      /^drop\s+(?:(?:materialized|foreign|access|event|text\s+search)\s+)?\w+\b(?:\s+concurrently\b)?/i,
    );
  }
  const added = alterations(statement, 'AT_AddColumn').find((each) => !each.command.missing_ok);
  if (added !== undefined) return missing(/^alter\s+table\s+[\s\S]*?\badd\s+column\b/i);
  const gone = alterations(statement, 'AT_DropColumn').find((each) => !each.command.missing_ok);
  if (gone !== undefined) return there(/^alter\s+table\s+[\s\S]*?\bdrop\s+column\b/i);
  const constraint = alterations(statement, 'AT_DropConstraint').find(
    (each) => !each.command.missing_ok,
  );
  return constraint === undefined
    ? undefined
    : there(/^alter\s+table\s+[\s\S]*?\bdrop\s+constraint\b/i);
}
