// In which order text is, by which version of which library. Another version may have another order; an
// index that was built by the old one then lacks rows that are there (manual, 24.2.2.3 and ALTER COLLATION).

import type { Database } from './connect.ts';

/** The versions of a collation that texts of a database are sorted by. */
export interface CollationVersion {
  /** When it, or the database, was made or refreshed: what indexes were built by. */
  readonly recorded: string;
  /** Of the library on the server's machine; null where that does not tell. */
  readonly actual: string | null;
}

/** By qualified name, or the word `default` for that of the database. */
export type Collations = Readonly<Record<string, CollationVersion>>;

/** Reads those that have a version and are in use. C and POSIX have none: they never change. */
export async function readCollations(database: Database): Promise<Collations> {
  // Databases tell theirs from version 15 on.
  const ofDatabase =
    database.version >= 150_000
      ? `UNION ALL SELECT 'default', datcollversion, pg_database_collation_actual_version(oid)
           FROM pg_database WHERE datname = current_database()`
      : '';
  const rows = await database.query<CollationVersion & { name: string }>(
    `SELECT name, recorded, actual FROM (
       SELECT format('%I.%I', n.nspname, c.collname) AS name, collversion AS recorded,
              pg_collation_actual_version(c.oid) AS actual
         FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
        WHERE c.oid IN (SELECT attcollation FROM pg_attribute WHERE attrelid >= 16384)
       ${ofDatabase}) versions
      WHERE recorded IS NOT NULL ORDER BY 1`,
  );
  return Object.fromEntries(rows.map(({ name, ...version }) => [name, version]));
}

/**
 * Where a dump that was loaded sorts text by another version than the original did: its indexes are built
 * anew, so none of them is wrong.
 */
export function otherOrder(before: Collations, after: Collations): string[] {
  return Object.entries(after).flatMap(([name, { recorded }]) => {
    const was = before[name]?.recorded ?? recorded;
    return was === recorded
      ? []
      : [
          `${named(name)} sorts text by version ${recorded} here, and did by ${was} in the original: rows may come in another order, and indexes were built for it`,
        ];
  });
}

/**
 * Where the files of a copy are read by another version than they were written by. What the original has
 * as well is not the copy's fault.
 */
export function foreignOrder(original: Collations, copy: Collations): string[] {
  return Object.entries(copy).flatMap(([name, { recorded, actual }]) =>
    actual === null || actual === recorded || original[name]?.actual === actual
      ? []
      : [
          `${named(name)} has version ${actual} on the machine of the copy and ${recorded} in its files: indexes on text do not find rows there`,
        ],
  );
}

function named(name: string): string {
  return name === 'default' ? 'the collation of the database' : `collation ${name}`;
}
