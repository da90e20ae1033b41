// What is known of a database while its migrations are read: a model that starts from nothing, from
// earlier migrations, from a snapshot or from a live database. Rules only read it.

import type { RangeVar } from '@pgsql/types';
import type { Volatility } from '../sql/expression.ts';
import type { DataType } from '../sql/type-name.ts';

/** A column of a table. */
export interface ColumnModel {
  readonly name: string;
  readonly type: DataType;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
}

/** A constraint of a table, whether it was written at a column or at the table. */
export interface ConstraintModel {
  readonly name: string;
  readonly kind: 'check' | 'foreign key' | 'unique' | 'primary key' | 'exclusion' | 'not null';
  readonly columns: readonly string[];
  readonly validated: boolean;
  /** The columns that a CHECK proves to hold no NULL. */
  readonly provesNotNull: readonly string[];
  /** The table that a foreign key points to. */
  readonly references: string | undefined;
  /** The transaction that added it, while that one is being read. */
  readonly transaction: number;
}

/** An index. */
export interface IndexModel {
  readonly name: string;
  readonly table: string;
  /** The columns in order; an expression is an empty text. */
  readonly columns: readonly string[];
  readonly isUnique: boolean;
  readonly isPartial: boolean;
}

/** How large and how busy a table is, where that is known. */
export interface TableSize {
  readonly rows: number;
  readonly bytes: number;
  /** Reads and writes in a second, of the whole application. */
  readonly callsPerSecond?: number;
}

/** A table, as far as it is known. */
export interface TableModel {
  /** Schema and name, always both. */
  readonly key: string;
  kind: 'table' | 'partitioned table' | 'materialized view';
  /** The file that made it; undefined for what was there before. */
  madeIn: number | undefined;
  /** The file that made it unless it existed already (IF NOT EXISTS). */
  perhapsMadeIn: number | undefined;
  /** False when columns may exist that nobody has told. */
  hasAllColumns: boolean;
  readonly columns: Map<string, ColumnModel>;
  readonly constraints: Map<string, ConstraintModel>;
  readonly partitions: Set<string>;
  partitionOf: string | undefined;
  defaultPartition: string | undefined;
  size: TableSize | undefined;
  /** True when a publication sends its changes to subscribers. */
  published: boolean;
}

/** A user's type. */
export type TypeModel =
  | { readonly kind: 'enum'; readonly madeIn: number; readonly transaction: number }
  | { readonly kind: 'domain'; readonly isConstrained: boolean; readonly base: DataType }
  | { readonly kind: 'other' };

/** A function or procedure that the migrations define. */
export interface RoutineModel {
  readonly volatility: Volatility;
  /** Its CREATE statement, so that a call of it can be looked into. */
  readonly definition: string | undefined;
}

/** Everything that is known at one point of reading. */
export class SchemaModel {
  readonly tables: Map<string, TableModel> = new Map();
  readonly #indexes: Map<string, IndexModel> = new Map();
  readonly #indexesByTable: Map<string, Set<string>> = new Map();
  readonly types: Map<string, TypeModel> = new Map();
  readonly routines: Map<string, RoutineModel> = new Map();
  /** Views by key, with the columns that their queries read, as `table.column` or `*.column`. */
  readonly views: Map<string, readonly string[]> = new Map();
  /** Tables that are known not to exist, because they were dropped. */
  readonly gone: Set<string> = new Set();
  /** True when a table that is not in the model does not exist: a whole history, a live database. */
  isComplete: boolean;
  /** `server_version_num`, where known. */
  serverVersion: number | undefined;
  /** True when the size of at least one table is known. */
  hasSizes = false;
  /** Number of the file that is being read. */
  file = 0;
  /** Schema of names without one. */
  defaultSchema = 'public';

  constructor(options: { isComplete?: boolean; serverVersion?: number } = {}) {
    this.isComplete = options.isComplete ?? false;
    this.serverVersion = options.serverVersion;
  }

  /** The key of a name, with the schema that it would be found in. */
  key(name: Pick<RangeVar, 'schemaname' | 'relname'> | undefined): string {
    return `${name?.schemaname ?? this.defaultSchema}.${name?.relname ?? ''}`;
  }

  /** What is known of a table. */
  table(name: Pick<RangeVar, 'schemaname' | 'relname'> | undefined): TableModel | undefined {
    return this.tables.get(this.key(name));
  }

  /** What is known of a column. */
  column(table: RangeVar | undefined, name: string | undefined): ColumnModel | undefined {
    return this.table(table)?.columns.get(name ?? '');
  }

  /** True when the file being read made the table: nobody else uses it, and it holds what this file put there. */
  isNew(name: RangeVar | undefined): boolean {
    return name?.relpersistence === 't' || this.table(name)?.madeIn === this.file;
  }

  /** True when it cannot be told whether the file being read made the table (IF NOT EXISTS). */
  isPerhapsNew(name: RangeVar | undefined): boolean {
    return this.table(name)?.perhapsMadeIn === this.file;
  }

  /** True when the table surely exists before the file being read. */
  existed(name: RangeVar | undefined): boolean {
    const table = this.table(name);
    return table !== undefined && table.madeIn !== this.file && table.perhapsMadeIn !== this.file;
  }

  /** The user's type of a name, whether or not a schema was written. */
  type(type: DataType): TypeModel | undefined {
    return this.types.get(`${type.schema ?? this.defaultSchema}.${type.name}`);
  }

  /** How often a function must be computed, from its definition. */
  readonly volatilityOf = (name: string): Volatility =>
    this.routines.get(name)?.volatility ?? 'unknown';

  /** The index with this key. */
  index(key: string): IndexModel | undefined {
    return this.#indexes.get(key);
  }

  /** The indexes of a table. */
  indexesOf(name: RangeVar | undefined): IndexModel[] {
    return this.indexKeysOf(this.key(name)).flatMap((key) => this.#indexes.get(key) ?? []);
  }

  /** The keys of the indexes of the table with this key. */
  indexKeysOf(table: string): string[] {
    return [...(this.#indexesByTable.get(table) ?? [])];
  }

  /** Notes an index under its key. */
  addIndex(key: string, index: IndexModel): void {
    this.removeIndex(key);
    this.#indexes.set(key, index);
    const keys = this.#indexesByTable.get(index.table) ?? new Set();
    this.#indexesByTable.set(index.table, keys.add(key));
  }

  /** Forgets an index. */
  removeIndex(key: string): void {
    const index = this.#indexes.get(key);
    if (index === undefined) return;
    this.#indexes.delete(key);
    this.#indexesByTable.get(index.table)?.delete(key);
  }

  /** Notes how large a table is. */
  setSize(table: string, size: TableSize): void {
    this.ensure(table).size = size;
    this.hasSizes = true;
  }

  /** The table with this key, made on first use as one of which nothing is known. */
  ensure(key: string): TableModel {
    let table = this.tables.get(key);
    if (table === undefined) {
      table = emptyTable(key);
      this.tables.set(key, table);
    }
    return table;
  }
}

/** A table of which nothing but its name is known. */
export function emptyTable(key: string): TableModel {
  return {
    key,
    kind: 'table',
    madeIn: undefined,
    perhapsMadeIn: undefined,
    hasAllColumns: false,
    columns: new Map(),
    constraints: new Map(),
    partitions: new Set(),
    partitionOf: undefined,
    defaultPartition: undefined,
    size: undefined,
    published: false,
  };
}
