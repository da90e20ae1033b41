// Cuts a migration into the steps in which it is run: transactions, statements that cannot be in one,
// and statements that are run in batches. The file's own BEGIN and COMMIT set the borders; without them
// Drydock makes the transaction.

import { canonicalJson, sha256 } from '../core/digest.ts';
import { Failure } from '../core/failure.ts';
import type { Node, ParsedStatement } from '../postgres/parser.ts';
import type { SqlComment } from '../postgres/sql-text.ts';
import { type BatchOptions, batchOptionsOf } from './batch-options.ts';
import {
  asksForNoTransaction,
  batchesOf,
  type StepDirective,
  stepDirectivesOf,
} from './directives.ts';
import {
  canBeBatched,
  changesOnlyCatalog,
  classOf,
  mustRunAlone,
  type StatementClass,
} from './statement-class.ts';

/** A statement with its place in the file. */
export interface MigrationStatement {
  readonly sql: string;
  readonly line: number;
  readonly class: StatementClass;
}

/**
 * What is run at once: a transaction of statements, one statement outside any transaction (`alone`), or
 * one that is run in batches, each its own transaction (`batch`).
 */
export interface MigrationStep {
  readonly kind: 'transaction' | 'alone' | 'batch';
  readonly statements: readonly MigrationStatement[];
  /**
   * The SET statements of earlier steps. They hold for the rest of their file, so they are run again
   * before each later step: a step is the same whether it follows the others or is the first of a run
   * that goes on after a crash.
   */
  readonly settings: readonly MigrationStatement[];
  /** `-- drydock: verify …`: queries that must return true before the step counts. */
  readonly verifications: readonly MigrationStatement[];
  /** Tables that the step may delete rows of without naming them: `-- drydock: deletes …`. */
  readonly mayDelete: readonly string[];
  /** Its statements change the catalog and nothing else. */
  readonly changesOnlyCatalog: boolean;
  /** What `-- drydock: batch …` says of how; for a batch alone. */
  readonly batchOptions?: BatchOptions;
}

/** Names the statements of a step: equal text, equal digest. */
export function stepDigest({ kind, statements }: MigrationStep): string {
  return sha256(canonicalJson({ kind, statements: statements.map(({ sql }) => sql) }));
}

/** Where a statement stands, for messages. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** A step without statements: a file of comments is a migration too. */
export const emptyStep: MigrationStep = {
  kind: 'transaction',
  statements: [],
  settings: [],
  verifications: [],
  mayDelete: [],
  changesOnlyCatalog: false,
};

/**
 * The steps of a file, in order; its comments may ask for others (`directives.ts`).
 *
 * A long validation gets a transaction of its own where the file sets no borders: it would otherwise
 * read its table under the stronger locks of the statements before.
 *
 * @throws `migration/transaction-in-pieces` when BEGIN and COMMIT do not pair, or a ROLLBACK stands
 *   in the file; `migration/cannot-be-in-transaction` when a statement between them cannot be there;
 *   `migration/bad-batch-option`; `migration/cannot-be-batched` when a statement is no UPDATE, DELETE or INSERT … SELECT
 */
export function splitIntoSteps(
  statements: readonly ParsedStatement[],
  placeOf: (place: { readonly start: number }) => Place,
  comments: readonly SqlComment[] = [],
): { steps: readonly MigrationStep[]; hasOwnTransaction: boolean } {
  const separately = asksForNoTransaction(comments);
  const batches = batchesOf(comments, statements);
  const cut = new Cut(placeOf, comments);
  let begunAt: Place | undefined;
  let hasOwnTransaction = false;

  for (const statement of statements) {
    const place = placeOf(statement);
    const said = batches.get(statement);
    const batchOptions = said === undefined ? undefined : batchOptionsOf(said, place);
    switch (transactionCommand(statement.node)) {
      case 'begin':
        if (begunAt !== undefined) throw inPieces(place, 'a second BEGIN before the COMMIT');
        cut.close();
        cut.begin(statement.start);
        begunAt = place;
        hasOwnTransaction = true;
        break;
      case 'commit':
        if (begunAt === undefined) throw inPieces(place, 'a COMMIT without a BEGIN');
        cut.close();
        begunAt = undefined;
        break;
      case 'rollback':
        throw inPieces(place, 'a ROLLBACK, which would undo the migration and still count it');
      case undefined: {
        const kind = kindOf(statement, place, batchOptions);
        if (kind !== 'transaction' && begunAt !== undefined) {
          throw cannotBeInTransaction(place, statement.text);
        }
        const isByItself =
          kind !== 'transaction' ||
          (begunAt === undefined && (separately || classOf(statement.node) === 'validation'));
        if (isByItself) cut.close();
        cut.add(statement, kind, batchOptions);
        if (isByItself) cut.close();
      }
    }
  }
  if (begunAt !== undefined) throw inPieces(begunAt, 'a BEGIN without a COMMIT');
  cut.close();
  return { steps: cut.steps(), hasOwnTransaction };
}

function kindOf(
  { node, text }: ParsedStatement,
  place: Place,
  batchOptions: BatchOptions | undefined,
): MigrationStep['kind'] {
  if (batchOptions === undefined) return mustRunAlone(node) ? 'alone' : 'transaction';
  if (!canBeBatched(node)) throw cannotBeBatched(place, text);
  return 'batch';
}

// The steps as they grow. What comments say of a step belongs to the last one that began before them.
class Cut {
  readonly #placeOf: (place: { readonly start: number }) => Place;
  readonly #comments: readonly SqlComment[];
  readonly #steps: { readonly start: number; readonly step: MigrationStep }[] = [];
  readonly #settings: MigrationStatement[] = [];
  #open: ParsedStatement[] = [];
  #kind: MigrationStep['kind'] = 'transaction';
  #batchOptions: BatchOptions | undefined;
  #start: number | undefined;

  constructor(
    placeOf: (place: { readonly start: number }) => Place,
    comments: readonly SqlComment[],
  ) {
    this.#placeOf = placeOf;
    this.#comments = comments;
  }

  /** Says where the next step begins, when that is before its first statement. */
  begin(start: number): void {
    this.#start = start;
  }

  add(
    statement: ParsedStatement,
    kind: MigrationStep['kind'],
    batchOptions: BatchOptions | undefined,
  ): void {
    this.#start ??= statement.start;
    this.#open.push(statement);
    this.#kind = kind;
    this.#batchOptions = batchOptions;
  }

  /** Ends the step. */
  close(): void {
    if (this.#open.length > 0) {
      const statements = this.#open.map(({ text, start, node }) => ({
        sql: text,
        line: this.#placeOf({ start }).line,
        class: classOf(node),
      }));
      const step = {
        ...emptyStep,
        kind: this.#kind,
        statements,
        settings: [...this.#settings],
        changesOnlyCatalog: this.#open.every(({ node }) => changesOnlyCatalog(node)),
        ...(this.#batchOptions === undefined ? {} : { batchOptions: this.#batchOptions }),
      };
      this.#steps.push({ start: this.#start ?? 0, step });
      this.#settings.push(
        ...statements.filter((_, index) => isSetting(this.#open[index]?.node ?? {})),
      );
    }
    this.#open = [];
    this.#start = undefined;
  }

  steps(): readonly MigrationStep[] {
    if (this.#steps.length === 0) this.#steps.push({ start: 0, step: emptyStep });
    const said = new Map<number, StepDirective[]>();
    for (const directive of stepDirectivesOf(this.#comments)) {
      const after = this.#steps.findLastIndex(({ start }) => start <= directive.start);
      const index = Math.max(after, 0);
      said.set(index, [...(said.get(index) ?? []), directive]);
    }
    return this.#steps.map(({ step }, index) => {
      const directives = said.get(index) ?? [];
      return {
        ...step,
        verifications: directives.flatMap(({ verify, start }) =>
          verify === undefined
            ? []
            : [{ sql: verify, line: this.#placeOf({ start }).line, class: 'transactional' }],
        ),
        mayDelete: directives.flatMap(({ deletes }) => deletes),
      };
    });
  }
}

// SET LOCAL and SET TRANSACTION end with their transaction.
function isSetting(node: Node | Record<string, never>): boolean {
  if (!('VariableSetStmt' in node)) return false;
  const { is_local: isLocal, name } = node.VariableSetStmt;
  return isLocal !== true && name !== 'TRANSACTION';
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
    hint: 'Write one BEGIN and one COMMIT around what belongs together, or neither, and Drydock makes the transaction.',
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
