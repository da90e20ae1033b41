// What a rehearsal tells of the statements that the application sends, and of the code in the database.

/** Where a statement was found. */
export type StatementSource = 'pg_stat_statements' | 'file' | 'log';

/** A statement as the application sends it. */
export interface ApplicationStatement {
  readonly text: string;
  readonly from: StatementSource;
  /** The role that sends it; null where the source does not tell. */
  readonly role: string | null;
  /** The search_path that this role has by its settings; null for the database's own. */
  readonly searchPath: string | null;
  /** How often it was sent, as far as the source counts. */
  readonly calls: number | null;
}

/** A column of a result. */
export interface ResultColumn {
  readonly name: string;
  /** As format_type prints it: `character varying(20)`. */
  readonly type: string;
}

/** What all entries about one statement begin with. */
export type AboutStatement = Pick<ApplicationStatement, 'text' | 'from' | 'role' | 'calls'>;

/** A statement that the plan broke. */
export interface BrokenStatement extends AboutStatement {
  /** The server's words. */
  readonly reason: string;
  readonly sqlState: string;
}

/** A statement that returns other columns after the plan. */
export interface ChangedColumns extends AboutStatement {
  readonly before: readonly ResultColumn[];
  readonly after: readonly ResultColumn[];
  /** It asks for `*`: the columns follow the table. */
  readonly star: boolean;
}

/** A statement that the planner thinks dearer after the plan. */
export interface CostlierStatement extends AboutStatement {
  readonly before: PlannedCost;
  readonly after: PlannedCost;
  /** The cost when the changed tables have statistics again. */
  readonly costAfterAnalyze: number;
}

/** What the planner chose. */
export interface PlannedCost {
  readonly cost: number;
  /** The lines of EXPLAIN. */
  readonly plan: readonly string[];
}

/** A statement of which nothing can be said, with the reason. */
export interface UncheckedStatement extends AboutStatement {
  readonly reason: string;
}

/** Code that is kept in the database. */
export interface DatabaseCode {
  /** Views and functions that compiled before the plan and do so after it. */
  readonly checked: number;
  readonly broken: readonly { readonly object: string; readonly reason: string }[];
  readonly notChecked: readonly { readonly object: string; readonly reason: string }[];
}

/** What a command of the project said of the copy: old code on the new schema. */
export interface OldCodeResult {
  readonly command: string;
  readonly exitCode: number;
  readonly ms: number;
  /** The last lines that it wrote. */
  readonly said: string;
}

/** The part of a rehearsal's evidence that answers: do the application's queries still work? */
export interface QueriesReport {
  /** Where statements were looked for, how many there were, or why there were none. */
  readonly sources: readonly {
    readonly from: StatementSource;
    readonly statements: number;
    readonly problem: string | null;
  }[];
  /** Statements that were understood before the plan. */
  readonly checked: number;
  readonly broken: readonly BrokenStatement[];
  readonly changedColumns: readonly ChangedColumns[];
  readonly costlier: readonly CostlierStatement[];
  readonly notChecked: readonly UncheckedStatement[];
  readonly code: DatabaseCode;
}
