// What the trial means: the label of a way back. Pure.

import type { NotRestored } from './invert.ts';
import type { Loss, WayBack } from './report.ts';

/** What the trial showed, as far as it came. */
export interface Trial extends Pick<WayBack, 'by' | 'sql' | 'discards'> {
  /** Why it could not be made or run. */
  readonly refused?: readonly NotRestored[];
  /** There was nothing to do for the schema. */
  readonly isEmpty?: boolean;
  readonly ms?: number;
  /** The schema's part, where undo was tried. */
  readonly undo?: readonly string[] | undefined;
  readonly refusedByRows?: readonly NotRestored[];
  readonly schema?: { readonly differences: readonly string[]; readonly moved: readonly Loss[] };
  readonly rows?: { readonly losses: readonly Loss[]; readonly compared: WayBack['compared'] };
  /** Why the plan did not go forward again; null when it did. */
  readonly again?: string | null;
}

/** Judges. Nothing is called reversible that was not compared. */
export function judgeWayBack(trial: Trial): WayBack {
  const { by, sql, discards, ms = null, refusedByRows = [], again = null } = trial;
  const left = refusedByRows.map(({ about, reason }) => ({
    table: null,
    column: null,
    rows: null,
    sentence: `${about} does not come back whole: ${reason}`,
  }));
  const rows = trial.rows?.losses ?? [];
  const losses = [...rows, ...left, ...(trial.schema?.moved ?? [])];
  const differences = trial.schema?.differences ?? [];
  const reasons = [
    ...(trial.refused ?? []).map(({ about, reason }) => `${about}: ${reason}`),
    // What rows refused is told above, and is a difference of the schema.
    ...(refusedByRows.length === 0 ? differences.map((each) => `after the way back ${each}`) : []),
    ...(trial.isEmpty === true && rows.length > 0
      ? ['the plan changed rows, and the catalog does not know what they were']
      : []),
    ...(again === null ? [] : [again]),
  ];
  const label =
    reasons.length > 0 ? 'irreversible' : losses.length > 0 ? 'reversible with loss' : 'reversible';
  const proven = label === 'reversible' && trial.undo !== undefined ? { undo: trial.undo } : {};
  const compared = trial.rows?.compared ?? null;
  return { label, by, sql, ...proven, ms, losses, reasons, discards, compared };
}
