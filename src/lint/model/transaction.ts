// Which transaction a statement runs in, and what is true inside it: the locks held so far, the values
// added to enums. Drydock runs a file without BEGIN in one transaction, cut where a statement cannot
// be in one or reads a whole table to validate it; other runners commit after each statement.

import { classOf, mustRunAlone } from '../../migration/statement-class.ts';
import { isAtLeast, type LockMode, stronger } from '../../postgres/table-lock.ts';
import { type Node, pick } from '../sql/node.ts';

/** A lock that a transaction holds until its end. */
export interface HeldLock {
  readonly table: string;
  /** The table as it was written. */
  readonly shown: string;
  readonly mode: LockMode;
}

/** The transaction that a statement runs in. */
export interface TransactionModel {
  readonly id: number;
  /** `own`: between the file's BEGIN and COMMIT. `managed`: Drydock's. `none`: the statement alone. */
  readonly kind: 'own' | 'managed' | 'none';
  /** The locks of the statements before, strongest per table. */
  readonly locks: Map<string, HeldLock>;
  /** Those that keep the application waiting: SHARE or stronger on tables in use, in order. */
  readonly blocking: Map<string, HeldLock>;
  /** Values that the transaction has added, by the enum's key. */
  readonly enumValues: Map<string, Set<string>>;
  /** Statements before this one that are in the same transaction. */
  statements: number;
}

/** Follows the transactions of a file, statement by statement. */
export class TransactionReader {
  readonly #managed: boolean;
  readonly #separately: boolean;
  #number: number;
  #current: TransactionModel | undefined;

  /**
   * `managed` is false for runners that commit after each statement; `separately` says that the file
   * asks Drydock to do so.
   */
  constructor(options: { managed: boolean; separately?: boolean; firstId: number }) {
    this.#managed = options.managed;
    this.#separately = options.separately === true;
    this.#number = options.firstId;
  }

  /** The transaction that the next statement, `node`, runs in. */
  enter(node: Node): TransactionModel {
    const command = pick(node, 'TransactionStmt')?.kind;
    if (command === 'TRANS_STMT_BEGIN' || command === 'TRANS_STMT_START') {
      if (this.#current?.kind !== 'own') this.#current = this.#open('own');
      return this.#current;
    }
    if (command === 'TRANS_STMT_COMMIT' || command === 'TRANS_STMT_ROLLBACK') {
      const ended = this.#current ?? this.#open('none');
      this.#current = undefined;
      return ended;
    }
    if (this.#current?.kind === 'own') return this.#current;
    if (!this.#managed || mustRunAlone(node)) {
      this.#current = undefined;
      return this.#open('none');
    }
    if (this.#separately || classOf(node) === 'validation') {
      this.#current = undefined;
      return this.#open('managed');
    }
    this.#current ??= this.#open('managed');
    return this.#current;
  }

  /** Adds a lock to those that `transaction` holds; `inUse` tells whether others use the table. */
  hold(
    transaction: TransactionModel,
    lock: HeldLock,
    { inUse }: { readonly inUse: boolean },
  ): void {
    const before = transaction.locks.get(lock.table);
    const held = { ...lock, mode: stronger(lock.mode, before?.mode) };
    transaction.locks.set(lock.table, held);
    if (inUse && isAtLeast(held.mode, 'SHARE')) transaction.blocking.set(lock.table, held);
  }

  /** The first number that no transaction of this file has. */
  get nextId(): number {
    return this.#number;
  }

  #open(kind: TransactionModel['kind']): TransactionModel {
    this.#number += 1;
    return {
      id: this.#number,
      kind,
      locks: new Map(),
      blocking: new Map(),
      enumValues: new Map(),
      statements: 0,
    };
  }
}

/** A table that the transaction has locked has another name from here on. */
export function renameLock(transaction: TransactionModel, from: string, to: string): void {
  for (const locks of [transaction.locks, transaction.blocking]) {
    const held = locks.get(from);
    if (held === undefined) continue;
    locks.delete(from);
    locks.set(to, { ...held, table: to });
  }
}

/** The first lock of the transaction, on a table in use, that is `mode` or stronger. */
export function firstBlocking(transaction: TransactionModel, mode: LockMode): HeldLock | undefined {
  // Not an array of them: a transaction may hold 50,000 locks and be asked at each statement.
  for (const lock of transaction.blocking.values()) if (isAtLeast(lock.mode, mode)) return lock;
  return undefined;
}
