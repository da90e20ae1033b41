// Exact edits of a file's text: only the units that change, so that comments and layout stay.

import type { Fix, TextEdit } from '../finding.ts';
import type { TransactionModel } from '../model/transaction.ts';
import { columnsOf } from '../sql/expression.ts';
import { quoted, shown, strings } from '../sql/node.ts';
import {
  type AddedConstraint,
  type Alteration,
  addedConstraints,
  alterations,
  type Statement,
} from '../statement.ts';

/** A fix made of edits; undefined when there are none. */
export function editOf(...edits: (TextEdit | undefined)[]): Fix | undefined {
  const all = edits.filter((edit) => edit !== undefined);
  return all.length === 0 || all.length < edits.length ? undefined : { kind: 'edit', edits: all };
}

/** Puts `text` after the part of the statement that `pattern` matches at its beginning. */
export function insertAfter(
  statement: Statement,
  pattern: RegExp,
  text: string,
): TextEdit | undefined {
  const match = pattern.exec(masked(statement.text));
  if (match === null || statement.inside !== undefined) return undefined;
  const at = statement.start + match.index + match[0].length;
  return { start: at, end: at, text };
}

// A word may hold dollar signs, which open no quote then.
const opaque =
  /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n\r]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$/gi;

// The text with comments and quotes blanked out, so that no word in them is taken for SQL. Every
// character beyond ASCII is a letter to the server, also those that JavaScript takes for space.
function masked(text: string): string {
  return text
    .replace(opaque, (part) => {
      if (/^[-/]/.test(part)) return ' '.repeat(part.length);
      return /^['"$]/.test(part) ? `"${'_'.repeat(part.length - 2)}"` : part.replaceAll('$', '_');
    })
    .replace(/[^\0-\x7f]/g, '_');
}

/** Puts `text` after what `pattern` matches at the beginning of a command of an ALTER TABLE. */
export function insertInCommand(
  statement: Statement,
  command: Alteration,
  { pattern, text }: { readonly pattern: RegExp; readonly text: string },
): TextEdit | undefined {
  const offset = command.start - statement.start;
  const match = pattern.exec(masked(statement.text).slice(offset));
  if (match === null || offset === 0 || statement.inside !== undefined) return undefined;
  const at = command.start + match.index + match[0].length;
  return { start: at, end: at, text };
}

/** Puts `text` at the end of the statement, before its semicolon. */
export function atEnd(statement: Statement, text: string): TextEdit | undefined {
  if (statement.inside !== undefined) return undefined;
  return { start: statement.end, end: statement.end, text };
}

/** Replaces the statement, without its semicolon. */
export function replaceText(statement: Statement, text: string): TextEdit | undefined {
  if (statement.inside !== undefined) return undefined;
  return { start: statement.start, end: statement.end, text };
}

/**
 * Replaces the statement by two that must not share a transaction, of which the second one validates:
 * Drydock cuts its own transaction there.
 */
export function splitIn(
  statement: Statement,
  transaction: TransactionModel,
  parts: { readonly first: string; readonly second: string },
): Fix | undefined {
  const { first, second } = parts;
  const border = transaction.kind === 'own' ? 'COMMIT;\n\nBEGIN;\n' : '';
  return editOf(replaceText(statement, `${first};\n${border}${second}`));
}

/** Moves the statement out of the file's transaction, which goes on after it. */
export function outsideTransaction(statement: Statement): Fix | undefined {
  return editOf(replaceText(statement, `COMMIT;\n\n${statement.text};\n\nBEGIN`));
}

/** Begins a new transaction before the statement. */
export function inNextTransaction(
  statement: Statement,
  transaction: TransactionModel,
): Fix | undefined {
  return transaction.kind === 'own'
    ? editOf(insertAfter(statement, /^/, 'COMMIT;\n\nBEGIN;\n'))
    : editOf(replaceText(statement, `BEGIN;\n${statement.text};\nCOMMIT`));
}

/** Adds a constraint NOT VALID and validates it in the next transaction. One command alone only. */
export function validateLater(
  statement: Statement,
  transaction: TransactionModel,
): Fix | undefined {
  const [added, ...more] = addedConstraints(statement);
  if (added === undefined || more.length > 0 || alterations(statement).length > 1) return undefined;
  const table = shown(added.table);
  const name = added.name === '' ? defaultName(added) : added.name;
  const border = added.start - statement.start;
  const [head, command] = [statement.text.slice(0, border), statement.text.slice(border)];
  if (!/^add\b/i.test(command)) return undefined;
  const written =
    added.name === ''
      ? `${head}${command.replace(/^add\b/i, (add) => `${add} CONSTRAINT ${quoted(name)}`)}`
      : statement.text;
  return splitIn(statement, transaction, {
    first: `${written} NOT VALID`,
    second: `ALTER TABLE ${table} VALIDATE CONSTRAINT ${quoted(name)}`,
  });
}

// The name that the server would choose, so that the schema ends the same. (ChooseConstraintName)
function defaultName({ table, constraint }: AddedConstraint): string {
  const isKey = constraint.contype === 'CONSTR_FOREIGN';
  const columns = isKey
    ? strings(constraint.fk_attrs)
    : [...new Set(columnsOf(constraint.raw_expr))];
  const inName = isKey || columns.length === 1 ? columns : [];
  return [table.relname, ...inName, isKey ? 'fkey' : 'check'].join('_');
}
