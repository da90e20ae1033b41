// One statement of a plan, as it went on the copy.

import type { HeldLock } from './locks.ts';

/** Rows of a table that a statement changed, as the server counted them. */
export interface ChangedRows {
  readonly relation: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** What a statement did, as far as the server lets itself be watched. */
export interface StatementFacts {
  /** Number of the transaction in the plan, from 1; null for a statement outside any. */
  readonly transaction: number | null;
  /** Locks that it took on relations that existed before the plan, strongest for each. */
  readonly locks: readonly HeldLock[];
  /** Tables that were written anew, with their new size. */
  readonly rewrites: readonly { readonly relation: string; readonly bytes: number }[];
  readonly truncated: readonly string[];
  /** Tables that were read from one end to the other, or begun to be, with the rows that were read. */
  readonly scans: readonly { readonly relation: string; readonly rows: number }[];
  readonly indexBuilds: readonly { readonly index: string; readonly relation: string }[];
  /** Constraints of which the server looked at all rows, or did not need to. */
  readonly validated: readonly string[];
  readonly notValidated: readonly string[];
  readonly changes: readonly ChangedRows[];
  /** Objects that went with the ones that the statement names. */
  readonly dropped: readonly string[];
  readonly walBytes: number;
  readonly temporaryFiles: { readonly count: number; readonly bytes: number };
  /** Size of the files that it made beside those that stay until the end of its transaction. */
  readonly newBytes: number;
}

/** One statement of the plan, as it went on the copy. */
export interface RehearsedStatement extends StatementFacts {
  readonly migration: string;
  readonly line: number;
  readonly sql: string;
  readonly ms: number;
  /** Rows that the server counted; null for DDL. */
  readonly rows: number | null;
}
