// Which column is which: names of tables and columns as they were before a migration, found by object id
// and attribute number, so that a rename, or two that trade their names, cannot cross the values.

import type { Database } from '../postgres/connect.ts';

/** A column by its number. */
export interface ImageColumn {
  readonly number: number;
  readonly name: string;
  readonly isGenerated: boolean;
}

/** A table of one moment. */
export interface ImageTable {
  readonly schema: string;
  readonly name: string;
  /** In the order of their numbers. */
  readonly columns: readonly ImageColumn[];
  /** Names of the columns of its primary key; none where it has none. */
  readonly key: readonly string[];
}

/** Every ordinary table of a database at one moment, by object id. */
export type CatalogImage = ReadonlyMap<number, ImageTable>;

/** Reads the catalog in the session's snapshot. */
export async function readImage(database: Database): Promise<CatalogImage> {
  const rows = await database.query<ImageTable & { oid: string }>(
    `SELECT t.oid::text, n.nspname::text AS schema, t.relname::text AS name,
            (SELECT json_agg(json_build_object('number', attnum, 'name', attname,
                                               'isGenerated', attgenerated <> '') ORDER BY attnum)
               FROM pg_attribute WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped) AS columns,
            ARRAY(SELECT a.attname::text FROM pg_index i JOIN pg_attribute a
                      ON a.attrelid = t.oid AND a.attnum = ANY (i.indkey)
                   WHERE i.indrelid = t.oid AND i.indisprimary ORDER BY a.attnum) AS key
       FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE t.relkind = 'r' AND t.relpersistence = 'p' AND n.nspname <> 'drydock'
        AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'`,
  );
  return new Map(
    rows.map(({ oid, columns, ...table }) => [Number(oid), { ...table, columns: columns ?? [] }]),
  );
}

/** The table as it was, and for each column of the stream its old name, where it had one. */
export interface MappedTable {
  readonly was: ImageTable;
  readonly columns: readonly (string | undefined)[];
}

/**
 * Maps a table of the stream to what it was before.
 *
 * @param now the catalog as it was at that place of the stream
 * @returns nothing for a table that was not there before
 */
export function mapTable(
  streamed: { readonly oid: number; readonly columns: readonly { readonly name: string }[] },
  { before, now }: { readonly before: CatalogImage; readonly now: CatalogImage },
): MappedTable | undefined {
  const was = before.get(streamed.oid);
  const is = now.get(streamed.oid);
  if (was === undefined || is === undefined) return undefined;
  const columns = streamed.columns.map(({ name }) => {
    const number = is.columns.find((column) => column.name === name)?.number;
    const same = was.columns.find((column) => column.number === number);
    // One that was dropped and added again has another number: the same name is all that is left.
    const found = same ?? was.columns.find((column) => column.name === name);
    const isTaken =
      same === undefined && is.columns.some(({ number: other }) => other === found?.number);
    return isTaken || found?.isGenerated === true ? undefined : found?.name;
  });
  return { was, columns };
}
