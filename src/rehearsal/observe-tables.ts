// The tables of the copy before and after the plan: how many rows each has, and how much space.

import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { readRows } from '../postgres/rows.ts';

/** A table's rows and space. */
export interface TableFigures {
  readonly rows: number;
  /** With its indexes and TOAST table. */
  readonly bytes: number;
}

/** A table that the plan made, changed or dropped. Null: it is not there. */
export interface TableChange {
  readonly table: string;
  readonly before: TableFigures | null;
  readonly after: TableFigures | null;
  /** Rows that are fewer than before. */
  readonly lostRows: number;
  /** False where rows are gone and no statement of the plan names the table as one to take rows from. */
  readonly isExpected: boolean;
}

/** Counts every row of every table, Drydock's own left out. Names are without `public.`. */
export async function readTables(
  copy: Address,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, TableFigures>> {
  await using database = await connect(copy, {
    purpose: 'rehearsal',
    ...(signal === undefined ? {} : { signal }),
  });
  const { tables } = await readRows(database, { upToBytes: -1 });
  const sizes = await database.query<{ name: string; bytes: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_total_relation_size(c.oid)::text AS bytes
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'`,
  );
  const bytesOf = new Map(sizes.map(({ name, bytes }) => [name, Number(bytes)]));
  return new Map(
    Object.entries(tables)
      .filter(([name]) => !name.startsWith('drydock.'))
      .map(([name, rows]) => [
        name.replace(/^public\./, ''),
        { rows, bytes: bytesOf.get(name) ?? 0 },
      ]),
  );
}

/** The tables that differ; `emptied` are those that statements of the plan take rows from by name. */
export function tableChanges(
  before: ReadonlyMap<string, TableFigures>,
  after: ReadonlyMap<string, TableFigures>,
  emptied: ReadonlySet<string>,
): readonly TableChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((table) => {
    const old = before.get(table) ?? null;
    const now = after.get(table) ?? null;
    if (old?.rows === now?.rows && old?.bytes === now?.bytes) return [];
    const lostRows = Math.max(0, (old?.rows ?? 0) - (now?.rows ?? 0));
    const isExpected = lostRows === 0 || emptied.has(table);
    return [{ table, before: old, after: now, lostRows, isExpected }];
  });
}
