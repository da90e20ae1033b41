// The part of a rehearsal's evidence that tells what sessions really waited for, while the plan ran.

/** What the statements of a load met. */
export interface LoadFigures {
  readonly statements: number;
  /** Longest time from the moment at which a statement was due to its answer. */
  readonly worstMs: number;
  readonly p99Ms: number;
  readonly medianMs: number;
  /** Most sessions that waited for a lock at one moment. */
  readonly blockedAtOnce: number;
  readonly failed: number;
}

/** The same load twice: without the plan, and with it. */
export interface LoadReport {
  /** `auto`, or the names of the files. */
  readonly workload: string;
  readonly connections: number;
  readonly perSecond: number;
  readonly without: LoadFigures;
  readonly with: LoadFigures;
  /** The server's words to the statements that failed while the plan ran, the most frequent first. */
  readonly failures: readonly { readonly message: string; readonly count: number }[];
  /** Statements that could not be made from production's, with the reason. */
  readonly notReplayed: readonly { readonly text: string; readonly reason: string }[];
}
