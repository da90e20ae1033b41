// Reads the catalog for the way back: every object of every kind.

import type { Database } from '../../postgres/connect.ts';
import type { Catalog, CatalogRow } from './kind.ts';
import { kinds } from './kinds.ts';

/** Reads all kinds, in a transaction that {@link inTransaction} has begun. */
export async function readCatalog(database: Database): Promise<Catalog> {
  const catalog = new Map<string, readonly CatalogRow[]>();
  for (const { kind, query } of kinds) catalog.set(kind, await database.query<CatalogRow>(query));
  return catalog;
}

/** How a way back is run: names are printed and read with their schemas, as pg_dump does it. */
export const manner = `SET LOCAL search_path = ''; SET LOCAL check_function_bodies = off`;

/** Runs `work` in a transaction in that manner. */
export function inTransaction<T>(database: Database, work: () => Promise<T>): Promise<T> {
  return database.transaction(async () => {
    await database.execute(`${manner}; SET LOCAL jit = off`);
    return await work();
  });
}
