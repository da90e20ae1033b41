// The part of a rehearsal's evidence that answers: can this be taken back?

/** Something that the way back does not bring back. */
export interface Loss {
  /** Qualified name of the table; null for what is no table's. */
  readonly table: string | null;
  readonly column: string | null;
  /** How many rows or values; null where they were not counted. */
  readonly rows: number | null;
  /** For people. */
  readonly sentence: string;
}

/** What the copy showed of the way back. */
export interface WayBack {
  /**
   * `reversible`: schema and rows are as they were. `reversible with loss`: see `losses`.
   * `irreversible`: see `reasons`.
   */
  readonly label: 'reversible' | 'reversible with loss' | 'irreversible';
  /** Who wrote it: Drydock, from the difference of the catalogs, or the authors of the migrations. */
  readonly by: 'drydock' | 'author';
  /** The whole as SQL, as it was run on the copy; null when there is none. */
  readonly sql: string | null;
  /** The schema's part of an undo that was proven; absent where undo is off or is not proven. */
  readonly undo?: readonly string[];
  /** How long it took on the copy. */
  readonly ms: number | null;
  readonly losses: readonly Loss[];
  readonly reasons: readonly string[];
  /** Tables and columns that the plan made: what is written to them after an apply goes with them. */
  readonly discards: readonly string[];
  /** What was compared afterwards; null when it did not come so far. */
  readonly compared: {
    readonly tables: number;
    /** Tables whose content was compared, not the number of their rows alone. */
    readonly hashedTables: number;
    readonly rows: number;
  } | null;
}
