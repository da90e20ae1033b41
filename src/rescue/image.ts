// Which column is which: names of tables and columns as they were before a migration, found by object id
// and attribute number, so that a rename, or two that trade their names, cannot cross the values.

/** A column by its number. */
export interface ImageColumn {
  readonly number: number;
  readonly name: string;
  /** As `format_type` writes it, with its schema. */
  readonly type: string;
  readonly generated: boolean;
  /** What rows have that are older than the column; null: NULL, or nobody knows. */
  readonly fill: string | null;
}

/** A table of one moment. */
export interface ImageTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** Whether the stream brings whole old rows (REPLICA IDENTITY FULL). */
  readonly whole: boolean;
  /** In the order of their numbers. */
  readonly columns: readonly ImageColumn[];
  /** Names of the columns of its primary key; none where it has none. */
  readonly key: readonly string[];
}

/** Every ordinary table of a database at one moment, by object id. */
export type CatalogImage = ReadonlyMap<number, ImageTable>;

/** What `drydock.rescue_image()` tells. */
export function imageOf(told: unknown): CatalogImage {
  const tables = (typeof told === 'string' ? JSON.parse(told) : told) as readonly ImageTable[];
  return new Map(tables.map((table) => [table.oid, table]));
}

/** The table as it was, and for each column of the stream the old one, where there was one. */
export interface MappedTable {
  readonly was: ImageTable;
  readonly columns: readonly (ImageColumn | undefined)[];
  /** The columns as they are at that place of the stream. */
  readonly now: readonly (ImageColumn | undefined)[];
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
  const present = streamed.columns.map(({ name }) => is.columns.find((each) => each.name === name));
  const columns = streamed.columns.map(({ name }, at) => {
    const same = was.columns.find(({ number }) => number === present[at]?.number);
    // One that was dropped and added again has another number: the same name is all that is left.
    const found = same ?? was.columns.find((column) => column.name === name);
    const isTaken = same === undefined && is.columns.some(({ number }) => number === found?.number);
    return isTaken || found?.generated === true ? undefined : found;
  });
  return { was, columns, now: present };
}
