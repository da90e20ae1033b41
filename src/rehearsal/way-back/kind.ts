// What the way back knows of a kind of object: how to read all of them, and the SQL that makes one, takes
// one away, or makes one what it was. One file for each kind in kinds/.

/** An object of a schema, as it was before the plan or is after it. */
export interface CatalogRow {
  /** Object id, the same in both readings while it is the same object: `16402`, a column `16402.3`. */
  readonly id: string;
  /** Qualified and quoted, as it stands in SQL; unique within its kind. */
  readonly name: string;
  /** The object that it goes and comes with; null when it stands alone. */
  readonly parent: string | null;
}

/** One change, as SQL that is done wholly or not at all: the first attempt that works is taken. */
export type Attempts = readonly [string, ...string[]];

/** Everything of one reading, for objects that are made of several kinds. */
export type Catalog = ReadonlyMap<string, readonly CatalogRow[]>;

/** A kind of object. Its rows have what `query` selects beside {@link CatalogRow}. */
export interface ObjectKind<Row extends CatalogRow = CatalogRow> {
  readonly kind: string;
  /**
   * Selects its objects in an order that is the same on every copy: those that are restored side by side
   * have other ids each time.
   */
  readonly query: string;
  /** Nothing where it comes with its parent; undefined when no SQL can be made for it. */
  create(row: Row, catalog: Catalog): readonly Attempts[] | undefined;
  drop(row: Row): readonly Attempts[];
  /** A new name or schema alone: what else differs is compared when the names are the same again. */
  rename?(now: Row, was: Row): readonly Attempts[];
  /** Makes `now` what it was, with equal names. */
  alter(now: Row, was: Row, catalog: { now: Catalog; was: Catalog }): readonly Attempts[];
}

/** Takes the kind's own type of rows away, for a list of kinds. */
export function anyKind<Row extends CatalogRow>(kind: ObjectKind<Row>): ObjectKind {
  return kind as unknown as ObjectKind;
}

/** A condition for objects of the schema `n` that belong to the application and to no extension. */
export function ownObjects(classId: string, id: string): string {
  return `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'drydock')
    AND NOT EXISTS (SELECT FROM pg_depend x
                     WHERE x.classid = '${classId}'::regclass AND x.objid = ${id} AND x.deptype = 'e')`;
}

/** Each of the SQL texts as a change by itself. */
export function changes(...sql: readonly (string | false)[]): readonly Attempts[] {
  return sql.flatMap((each): Attempts[] => (each === false ? [] : [[each]]));
}
