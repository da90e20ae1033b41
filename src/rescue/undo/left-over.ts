// What could not be put back, row by row.

import type { Database } from '../../postgres/connect.ts';
import { type NumberedTable, readTables } from './tables.ts';

/** A row that is not, or not wholly, as the old schema would have it. */
export interface LeftOver {
  readonly table: string;
  /** What the migration did to it; null: it was written under the new schema. */
  readonly change: 'inserted' | 'updated' | 'deleted' | null;
  readonly key: Readonly<Record<string, string | null>> | null;
  /** Before the migration. */
  readonly was: Readonly<Record<string, string | null>> | null;
  /** After it. */
  readonly became: Readonly<Record<string, string | null>> | null;
  readonly reason: string;
}

interface Noted extends Omit<LeftOver, 'table' | 'change'> {
  readonly relation: number;
  readonly what: 'inserted' | 'updated' | 'deleted';
}

type Texts = Readonly<Record<string, string | null>>;

/** All of them, with the names that their columns have now. */
export async function readLeftOver(database: Database, run: string): Promise<readonly LeftOver[]> {
  const rows = await database.query<Noted>(
    `SELECT relation::int8::float8 AS relation, what, key, was, became, problem AS reason
       FROM drydock.undo_rows WHERE run = $1 AND problem IS NOT NULL ORDER BY id`,
    [run],
  );
  const tables = new Map(
    (await readTables(database, [...new Set(rows.map(({ relation }) => relation))])).map(
      (table) => [table.relation, table] as const,
    ),
  );
  return rows.map(({ relation, what, key, was, became, reason }) => {
    const table = tables.get(relation);
    const isOfOthers = was === null && what === 'updated';
    return {
      table: table?.name ?? `relation ${relation}`,
      change: isOfOthers ? null : what,
      key: named(table, key),
      was: named(table, was),
      became: isOfOthers ? became : named(table, became),
      reason,
    };
  });
}

function named(table: NumberedTable | undefined, texts: Texts | null): Texts | null {
  if (texts === null || table === undefined) return texts;
  return Object.fromEntries(
    Object.entries(texts).map(([number, text]) => [
      table.columns.find((column) => String(column.number) === number)?.name ?? number,
      text,
    ]),
  );
}
