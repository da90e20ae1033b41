// What a restore would lose: what was written since the backup, as the server's own counters tell it.

import { type Activity, readActivity, type TableActivity } from '../postgres/activity.ts';
import type { Database } from '../postgres/connect.ts';

/** Writes to one table since the backup. */
export interface TableLoss extends TableActivity {
  readonly table: string;
}

/** An estimate of the writes that are in the live database and not in the backup. */
export interface LossEstimate {
  /** When the backup was taken (ISO 8601). */
  readonly since: string;
  /** The tables that were written to, those with the most writes first. */
  readonly tables: readonly TableLoss[];
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Why the figures may be too low; null when the server counted all the time. */
  readonly doubt: string | null;
}

/**
 * Estimates what a restore of a backup would lose. It is an estimate: the counters lag behind by up
 * to a second, count rolled-back writes too and TRUNCATE not at all, and begin anew after a crash of
 * the server.
 */
export async function estimateLoss(
  live: Database,
  backup: { readonly takenAt: string; readonly activity: Activity },
): Promise<LossEstimate> {
  return lossBetween(backup.activity, await readActivity(live), backup.takenAt);
}

/** The writes between two readings of the counters. */
export function lossBetween(then: Activity, now: Activity, since: string): LossEstimate {
  const restarted = then.countedSince !== now.countedSince || wentBack(then, now);
  const tables = Object.entries(now.tables)
    .map(([table, counts]) => {
      const before = restarted ? undefined : then.tables[table];
      return {
        table,
        inserted: counts.inserted - (before?.inserted ?? 0),
        updated: counts.updated - (before?.updated ?? 0),
        deleted: counts.deleted - (before?.deleted ?? 0),
      };
    })
    .filter((each) => writes(each) > 0)
    .sort((a, b) => writes(b) - writes(a));
  const sum = (what: keyof TableActivity): number =>
    tables.reduce((total, table) => total + table[what], 0);
  return {
    since,
    tables,
    inserted: sum('inserted'),
    updated: sum('updated'),
    deleted: sum('deleted'),
    doubt: doubtAbout(then, now, restarted),
  };
}

function doubtAbout(then: Activity, now: Activity, restarted: boolean): string | null {
  if (restarted) {
    return 'the counters of the server began anew since the backup: what was written before that is not in these figures, and what they show may be older than the backup';
  }
  const gone = Object.keys(then.tables).filter((table) => now.tables[table] === undefined);
  if (gone.length === 0) return null;
  return `what was written to tables that are gone now is not in these figures: ${gone.join(', ')}`;
}

function wentBack(then: Activity, now: Activity): boolean {
  return Object.entries(now.tables).some(([table, counts]) => {
    const before = then.tables[table];
    return before !== undefined && writes(counts) < writes(before);
  });
}

function writes({ inserted, updated, deleted }: TableActivity): number {
  return inserted + updated + deleted;
}
