// What a rehearsal tells: each statement with what it really did, and the parts that were looked at
// around the plan. JSON-serialisable throughout.

import type { Evidence } from '../core/evidence.ts';
import type { Forecast } from './forecast.ts';
import type { HeldLock } from './locks.ts';
import type { TableChange } from './observe-tables.ts';
import type { JudgedCheck } from './report-findings.ts';

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

/** What the copy was made of, and where it was. */
export interface CopyOrigin {
  readonly from: 'backup' | 'schema' | 'sample' | 'clone' | 'template';
  /** The backup's name, the sampled environment, the address of a clone: what people call it. */
  readonly name: string;
  /** Share of the rows that a sample has, between 0 and 1. */
  readonly share?: number;
  /** `memory` and `disk`: on a throw-away server here; `server`: on one that the configuration names. */
  readonly place: 'memory' | 'disk' | 'server';
}

/** What was looked at around the plan. A part is there when it was asked for and could be had. */
export interface RehearsalParts {
  /** Tables whose rows or size the plan changed. */
  readonly tables?: readonly TableChange[];
  /** What the environment would feel. */
  readonly forecast?: Forecast;
  /** What must not reach the environment, as sentences: over budget, rows that are gone. */
  readonly problems?: readonly string[];
  /** The findings of the check, held against what was seen. */
  readonly check?: JudgedCheck;
}

/** The evidence of a rehearsal. */
export interface RehearsalReport extends Evidence, RehearsalParts {
  readonly kind: 'rehearsal';
  readonly environment: string;
  readonly copy: CopyOrigin;
  /** `server_version_num` of the server that the copy was on. */
  readonly serverVersion: number;
  readonly statements: readonly RehearsedStatement[];
  readonly totalMs: number;
  /** The blocking lock that was held longest; null when no lock blocked anybody. */
  readonly longestBlock: {
    readonly relation: string;
    readonly mode: string;
    readonly ms: number;
  } | null;
}
