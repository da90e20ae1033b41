// What an apply asks of undo: what to run in place of a statement, so that nothing is lost by it.

import type { MigrationStatement } from '../migration/steps.ts';
import type { Database } from '../postgres/connect.ts';

/** Keeps what a plan would destroy. */
export interface StatementKeeper {
  /** Begins, before the first statement of the plan; the schema of Drydock is there. */
  begin(database: Database): Promise<void>;
  /** For one attempt of one transaction. */
  forTransaction(database: Database): TransactionKeeper;
  /** Clears away what was needed while the plan ran; called when the plan is in force, or failed. */
  end(database: Database): Promise<void>;
}

/** Keeps what one transaction would destroy. */
export interface TransactionKeeper {
  /** What is run in place of the statement. Asked right before it, with everything before it done. */
  insteadOf(statement: MigrationStatement): Promise<readonly MigrationStatement[]>;
  /** The last words before the COMMIT. */
  close(): Promise<void>;
}
