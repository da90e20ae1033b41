// Writes that the old schema cannot hold: counted, and told one by one. They stay in the broken database too.

import type { Database } from '../postgres/connect.ts';

/** Writes of one table that were salvaged. */
export interface SalvageCount {
  readonly table: string;
  readonly rows: number;
  /** The first reason. */
  readonly reason: string;
}

/** One of them. */
export interface SalvagedRow {
  readonly table: string;
  readonly what: 'insert' | 'update' | 'delete';
  readonly reason: string;
  /** Texts by the column's name of that moment; null where there is none. */
  readonly row: Readonly<Record<string, string | null>> | null;
  readonly was: Readonly<Record<string, string | null>> | null;
}

/** How many there are, by table. */
export async function countSalvage(copy: Database): Promise<readonly SalvageCount[]> {
  return await copy.query<SalvageCount>(
    `SELECT "table", count(*)::int AS rows, min(reason) AS reason FROM drydock_replay.salvage GROUP BY 1 ORDER BY 1`,
  );
}

/** All of them, in their order; none where there was no replay. */
export async function readSalvage(database: Database): Promise<readonly SalvagedRow[]> {
  const { found } = await database.one<{ found: boolean }>(
    `SELECT to_regclass('drydock_replay.salvage') IS NOT NULL AS found`,
  );
  if (!found) return [];
  return await database.query<SalvagedRow>(
    `SELECT "table", what, reason, "row", was FROM drydock_replay.salvage ORDER BY id`,
  );
}
