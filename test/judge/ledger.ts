// What the writers remember: every transaction that the server acknowledged, in the order of each
// writer, and those whose commit nobody can tell from outside.

import type { Picture, Row } from './picture.ts';

/** What one statement did to the rows, in the names of the old schema. */
export type Effect =
  | { readonly kind: 'insert'; readonly table: string; readonly row: Row }
  | { readonly kind: 'update'; readonly table: string; readonly where: Row; readonly set: Row }
  | { readonly kind: 'delete'; readonly table: string; readonly where: Row };

/** An effect that was had, and on how many rows: a migration may have taken one of two equal rows away. */
export type WrittenEffect = Effect & { readonly rows: number };

/** One transaction of one writer. */
export interface WrittenTransaction {
  /** Also a row of `writes`, by which a commit in doubt is found. */
  readonly id: string;
  /** `in doubt`: the connection was cut while COMMIT was under way. */
  readonly outcome: 'acknowledged' | 'in doubt';
  /** `new` when it was written by code for the migrated schema. */
  readonly schema: 'old' | 'new';
  readonly effects: readonly WrittenEffect[];
  /** Values and rows of it that only the new schema can hold. */
  readonly beyond: number;
  readonly tickets: readonly string[];
}

/** All that is needed to know what the database must hold. */
export interface Ledger {
  /** The database before the first write. */
  readonly seed: Picture;
  readonly transactions: readonly WrittenTransaction[];
  /** Failures that no migration and no rescue explains, such as a key given out twice. */
  readonly surprises: readonly string[];
  readonly reconnects: number;
}
