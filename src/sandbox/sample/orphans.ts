// Makes foreign keys true of a sample: rows whose parents are not in it go, and then those that needed
// them, until every key holds. Circles and references of a table to itself are no special case.

import type { Database } from '../../postgres/connect.ts';
import type { ForeignKey, SampledTable } from './tables.ts';

/** Rows that went. */
export interface Orphans {
  readonly table: string;
  readonly key: string;
  readonly rows: number;
}

/**
 * Deletes the rows of `tables` for which a key does not hold, and counts them in `gone`. No trigger of the
 * copy may fire meanwhile.
 *
 * @param isThere false for parents that are still to come
 */
export async function dropOrphans(
  copy: Database,
  tables: readonly SampledTable[],
  { gone, isThere }: { gone: Map<ForeignKey, Orphans>; isThere: (parent: string) => boolean },
): Promise<void> {
  const rowsOf = new Map(tables.map(({ name, rows }) => [name, rows]));
  for (let deleted = 1; deleted > 0; ) {
    deleted = 0;
    for (const { name, rows, keys } of tables) {
      for (const key of keys.filter((each) => isThere(each.parent))) {
        const parent = rowsOf.get(key.parent) ?? key.parent;
        const { rowCount } = await copy.execute(orphansOf(rows, parent, key));
        if (rowCount === null || rowCount === 0) continue;
        deleted += rowCount;
        const before = gone.get(key)?.rows ?? 0;
        gone.set(key, { table: name, key: key.name, rows: before + rowCount });
      }
    }
  }
}

function orphansOf(child: string, parent: string, { columns, parentColumns }: ForeignKey): string {
  const isSet = columns.map((column) => `c.${column} IS NOT NULL`);
  const isSame = columns.map((column, index) => `p.${parentColumns[index]} = c.${column}`);
  return `DELETE FROM ${child} AS c
           WHERE ${isSet.join(' AND ')}
             AND NOT EXISTS (SELECT FROM ${parent} AS p WHERE ${isSame.join(' AND ')})`;
}
