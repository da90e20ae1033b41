// Cuts a migration into the steps in which it is run: transactions, and statements that cannot be in
// one. The file's own BEGIN and COMMIT set the borders; without them Drydock makes the transaction.

import { Failure } from '../core/failure.ts';
import type { Node, ParsedStatement } from '../postgres/parser.ts';
import type { SqlComment } from '../postgres/sql-text.ts';

/** A statement with its place in the file. */
export interface MigrationStatement {
  readonly sql: string;
  readonly line: number;
}

/** What is run at once: a transaction of statements, or one statement outside any transaction. */
export interface MigrationStep {
  readonly kind: 'transaction' | 'alone';
  readonly statements: readonly MigrationStatement[];
}

/** Where a statement stands, for messages. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/**
 * The steps of a file, in order. With `separately`, statements outside BEGIN and COMMIT do not share
 * a transaction; see {@link asksForNoTransaction}.
 *
 * @throws `migration/transaction-in-pieces` when BEGIN and COMMIT do not pair, or a ROLLBACK stands
 *   in the file; `migration/cannot-be-in-transaction` when a statement between them cannot be there
 */
export function splitIntoSteps(
  statements: readonly ParsedStatement[],
  placeOf: (statement: ParsedStatement) => Place,
  options: { readonly separately?: boolean } = {},
): { steps: readonly MigrationStep[]; hasOwnTransaction: boolean } {
  const steps: MigrationStep[] = [];
  let open: MigrationStatement[] = [];
  let begunAt: Place | undefined;
  let hasOwnTransaction = false;

  const close = (): void => {
    if (open.length > 0) steps.push({ kind: 'transaction', statements: open });
    open = [];
  };

  for (const statement of statements) {
    const place = placeOf(statement);
    const entry = { sql: statement.text, line: place.line };
    switch (transactionCommand(statement.node)) {
      case 'begin':
        if (begunAt !== undefined) throw inPieces(place, 'a second BEGIN before the COMMIT');
        close();
        begunAt = place;
        hasOwnTransaction = true;
        break;
      case 'commit':
        if (begunAt === undefined) throw inPieces(place, 'a COMMIT without a BEGIN');
        close();
        begunAt = undefined;
        break;
      case 'rollback':
        throw inPieces(place, 'a ROLLBACK, which would undo the migration and still count it');
      case undefined:
        if (!mustRunAlone(statement.node)) {
          open.push(entry);
          if (options.separately === true && begunAt === undefined) close();
        } else if (begunAt !== undefined) {
          throw cannotBeInTransaction(place, statement.text);
        } else {
          close();
          steps.push({ kind: 'alone', statements: [entry] });
        }
    }
  }
  if (begunAt !== undefined) throw inPieces(begunAt, 'a BEGIN without a COMMIT');
  close();
  return { steps, hasOwnTransaction };
}

/** True when a file says `-- drydock: no-transaction`: each statement is then committed by itself. */
export function asksForNoTransaction(comments: readonly SqlComment[]): boolean {
  return comments.some(({ text }) => /^(?:--|\/\*)\s*drydock:\s*no-transaction\b/i.test(text));
}

function transactionCommand(node: Node): 'begin' | 'commit' | 'rollback' | undefined {
  if (!('TransactionStmt' in node)) return undefined;
  switch (node.TransactionStmt.kind) {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      return 'begin';
    case 'TRANS_STMT_COMMIT':
      return 'commit';
    case 'TRANS_STMT_ROLLBACK':
    case 'TRANS_STMT_PREPARE':
    case 'TRANS_STMT_COMMIT_PREPARED':
    case 'TRANS_STMT_ROLLBACK_PREPARED':
      return 'rollback';
    default:
      // Savepoints live inside a transaction like any statement.
      return undefined;
  }
}

/**
 * True for statements that PostgreSQL refuses inside a transaction block (25001): those that call
 * PreventInTransactionBlock in the server, named on their own pages of the manual; and DO blocks that
 * commit by themselves.
 */
export function mustRunAlone(node: Node): boolean {
  if ('IndexStmt' in node) return node.IndexStmt.concurrent === true;
  if ('DropStmt' in node) return node.DropStmt.concurrent === true;
  if ('ReindexStmt' in node) {
    const { kind, params } = node.ReindexStmt;
    const whole = kind === 'REINDEX_OBJECT_DATABASE' || kind === 'REINDEX_OBJECT_SYSTEM';
    return whole || kind === 'REINDEX_OBJECT_SCHEMA' || hasOption(params, 'concurrently');
  }
  if ('VacuumStmt' in node) return node.VacuumStmt.is_vacuumcmd === true;
  if ('ClusterStmt' in node) return node.ClusterStmt.relation === undefined;
  if ('AlterTableStmt' in node) return (node.AlterTableStmt.cmds ?? []).some(detachesConcurrently);
  if ('DoStmt' in node) return commits(node.DoStmt.args);
  return [
    'AlterSystemStmt',
    'CreatedbStmt',
    'DropdbStmt',
    'CreateTableSpaceStmt',
    'DropTableSpaceStmt',
    'CreateSubscriptionStmt',
    'DropSubscriptionStmt',
  ].some((kind) => kind in node);
}

function detachesConcurrently(command: Node): boolean {
  if (!('AlterTableCmd' in command)) return false;
  const definition = command.AlterTableCmd.def;
  return (
    definition !== undefined &&
    'PartitionCmd' in definition &&
    definition.PartitionCmd.concurrent === true
  );
}

// A DO block may commit only where nobody has begun a transaction around it (2D000; manual, PL/pgSQL,
// "Transaction Management"). Quotes and comments are left out of the look at its body.
function commits(options: readonly Node[] | undefined): boolean {
  return (options ?? []).some((option) => {
    if (!('DefElem' in option) || option.DefElem.defname !== 'as') return false;
    const body = option.DefElem.arg;
    const text = body !== undefined && 'String' in body ? (body.String.sval ?? '') : '';
    return /\bcommit\s*;/i.test(text.replace(/'(?:[^']|'')*'|--.*|\/\*[\s\S]*?\*\//g, ' '));
  });
}

function hasOption(options: readonly Node[] | undefined, name: string): boolean {
  return (options ?? []).some(
    (option) => 'DefElem' in option && option.DefElem.defname?.toLowerCase() === name,
  );
}

function inPieces(place: Place, what: string): Failure {
  return new Failure({
    code: 'migration/transaction-in-pieces',
    message: `${place.file}:${place.line} has ${what}`,
    hint: 'Write one BEGIN and one COMMIT around what belongs together, or neither: Drydock then makes the transaction.',
    details: { ...place },
  });
}

function cannotBeInTransaction(place: Place, sql: string): Failure {
  return new Failure({
    code: 'migration/cannot-be-in-transaction',
    message: `${place.file}:${place.line}: ${firstWords(sql)} cannot be between BEGIN and COMMIT`,
    hint: 'Take the statement out of the transaction, or move it to a migration of its own: drydock new NAME',
    details: { ...place },
  });
}

/** The beginning of a statement on one line, for messages and tables. */
export function firstWords(sql: string, length = 48): string {
  const line = sql.replaceAll(/\s+/g, ' ').trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
