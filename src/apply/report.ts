// What an apply (or a rehearsal, which runs the same code on a copy) did, statement by statement.

import type { Evidence } from '../core/evidence.ts';
import type { MigrationStatement } from '../migration/steps.ts';
import type { Database } from '../postgres/connect.ts';

/** What one statement did. */
export interface StatementReport extends MigrationStatement {
  readonly migration: string;
  readonly ms: number;
  /** Rows that the server counted; null for DDL. */
  readonly rows: number | null;
}

/** One migration of the plan. */
export interface MigrationReport {
  readonly name: string;
  readonly version: string;
  readonly ms: number;
  /** Attempts of its steps beyond the first: how often it gave up its place in a lock queue. */
  readonly retries: number;
}

/** The evidence of an apply. */
export interface ApplyReport extends Evidence {
  readonly kind: 'apply';
  readonly environment: string;
  readonly migrations: readonly MigrationReport[];
  readonly statements: readonly StatementReport[];
}

/**
 * Watches each statement from inside the session that runs it: how a rehearsal sees the locks. It is
 * called again for every attempt of a transaction.
 */
export interface StatementObserver {
  before(database: Database, statement: MigrationStatement): Promise<void>;
  after(database: Database, statement: MigrationStatement): Promise<void>;
}
