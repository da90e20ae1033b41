import { firstWords } from '../../../migration/steps.ts';
import type { TextEdit } from '../../finding.ts';
import { editOf, insertAfter, insertInCommand } from '../../fix/edit.ts';
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
    const missing = missingClause(statement);
    if (missing === undefined) return;
    yield {
      objects: locksOf(statement, schema)
        .map((lock) => lock.shown)
        .slice(0, 1),
      lock: null,
      start: statement.start,
      message: `${firstWords(statement.text, 40)} fails when it is run a second time: ${missing.clause} is missing.`,
      fix: editOf(missing.edit),
    };
  },
};

interface Clause {
  readonly clause: 'IF NOT EXISTS' | 'IF EXISTS';
  readonly edit: TextEdit | undefined;
}

// Only where the grammar has the clause: there is none for ADD CONSTRAINT, RENAME or CREATE TYPE.
function missingClause(statement: Statement): Clause | undefined {
  const missing = (after: RegExp): Clause => ({
    clause: 'IF NOT EXISTS',
    edit: insertAfter(statement, after, ' IF NOT EXISTS'),
  });
  const there = (after: RegExp): Clause => ({
    clause: 'IF EXISTS',
    edit: insertAfter(statement, after, ' IF EXISTS'),
  });
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
      /^drop\s+(?:(?:materialized|access|event|operator|procedural|foreign(?:\s+data)?|text\s+search)\s+)?\w+\b(?:\s+concurrently\b)?/i,
    );
  }
  return reRunnableCommand(statement);
}

function reRunnableCommand(statement: Statement): Clause | undefined {
  for (const command of alterations(statement, ...commandsWithClause)) {
    if (command.command.missing_ok) continue;
    const isAdded = command.kind === 'AT_AddColumn';
    const clause = isAdded ? 'IF NOT EXISTS' : 'IF EXISTS';
    const pattern =
      command.kind === 'AT_DropConstraint'
        ? /^drop\s+constraint\b/i
        : /^(?:add|drop)(?:\s+column)?\b/i;
    return { clause, edit: insertInCommand(statement, command, { pattern, text: ` ${clause}` }) };
  }
  return undefined;
}

const commandsWithClause = ['AT_AddColumn', 'AT_DropColumn', 'AT_DropConstraint'] as const;
