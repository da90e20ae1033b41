// Cuts a migration into the steps in which it is run: transactions, statements that cannot be in one,
// and statements that are run in batches. The file's own BEGIN and COMMIT set the borders; without them
// Drydock makes the transaction.

import { Failure } from '../core/failure.ts';
import type { Node, ParsedStatement } from '../postgres/parser.ts';
import type { SqlComment } from '../postgres/sql-text.ts';
import { asksForNoTransaction, batchesOf } from './directives.ts';
import { canBeBatched, mustRunAlone } from './statement-class.ts';

/** A statement with its place in the file. */
export interface MigrationStatement {
  readonly sql: string;
  readonly line: number;
}

/**
 * What is run at once: a transaction of statements, one statement outside any transaction (`alone`), or
 * one that is run in batches, each its own transaction (`batch`).
 */
export interface MigrationStep {
  readonly kind: 'transaction' | 'alone' | 'batch';
  readonly statements: readonly MigrationStatement[];
  /** What stands after the word in `-- drydock: batch …`; for a batch alone. */
  readonly batchOptions?: string;
}

/** Where a statement stands, for messages. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/**
 * The steps of a file, in order; its comments may ask for others (`directives.ts`).
 *
 * @throws `migration/transaction-in-pieces` when BEGIN and COMMIT do not pair, or a ROLLBACK stands
 *   in the file; `migration/cannot-be-in-transaction` when a statement between them cannot be there;
 *   `migration/cannot-be-batched` when a statement is no UPDATE, DELETE or INSERT … SELECT
 */
export function splitIntoSteps(
  statements: readonly ParsedStatement[],
  placeOf: (statement: ParsedStatement) => Place,
  comments: readonly SqlComment[] = [],
): { steps: readonly MigrationStep[]; hasOwnTransaction: boolean } {
  const separately = asksForNoTransaction(comments);
  const batches = batchesOf(comments, statements);
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
    const batchOptions = batches.get(statement);
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
        if (batchOptions !== undefined && !canBeBatched(statement.node)) {
          throw cannotBeBatched(place, statement.text);
        }
        if (batchOptions === undefined && !mustRunAlone(statement.node)) {
          open.push(entry);
          if (separately && begunAt === undefined) close();
        } else if (begunAt !== undefined) {
          throw cannotBeInTransaction(place, statement.text);
        } else {
          close();
          steps.push(
            batchOptions === undefined
              ? { kind: 'alone', statements: [entry] }
              : { kind: 'batch', statements: [entry], batchOptions },
          );
        }
    }
  }
  if (begunAt !== undefined) throw inPieces(begunAt, 'a BEGIN without a COMMIT');
  close();
  return { steps, hasOwnTransaction };
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

function cannotBeBatched(place: Place, sql: string): Failure {
  return new Failure({
    code: 'migration/cannot-be-batched',
    message: `${place.file}:${place.line}: ${firstWords(sql)} cannot be run in batches`,
    hint: 'Take the comment `-- drydock: batch` away, or put it right before an UPDATE, DELETE or INSERT … SELECT.',
    details: { ...place },
  });
}

/** The beginning of a statement on one line, for messages and tables. */
export function firstWords(sql: string, length = 48): string {
  const line = sql.replaceAll(/\s+/g, ' ').trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
