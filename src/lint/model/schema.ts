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
  /** The constants in a CHECK; undefined when nobody told its expression. */
  readonly constants?: readonly string[];
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
  /** The columns that its expressions and its WHERE read. */
  readonly readsColumns: readonly string[];
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
  /** The columns that choose the partition; undefined when they are not known. */
  partitionKey: readonly string[] | undefined;
  partitionOf: string | undefined;
  defaultPartition: string | undefined;
  size: TableSize | undefined;
  /** True when a publication sends its changes to subscribers. */
  published: boolean;
}

/** A user's type. */
export type TypeModel =
  | { readonly kind: 'enum'; readonly madeIn: number; readonly transaction: number }
  | {
      readonly kind: 'domain';
      readonly madeIn: number;
      readonly isConstrained: boolean;
      readonly base: DataType;
    }
  | { readonly kind: 'other' };

/** A function or procedure that the migrations define. */
export interface RoutineModel {
  readonly volatility: Volatility;
  /** Its CREATE statement, so that a call of it can be looked into. */
  readonly definition: string | undefined;
  /** True when its body commits, which the server refuses inside a transaction. */
  readonly commits: boolean;
}

/** Everything that is known at one point of reading. */
export class SchemaModel {
  readonly tables: Map<string, TableModel> = new Map();
  readonly #indexes: Map<string, IndexModel> = new Map();
  readonly #indexesByTable: Map<string, Set<string>> = new Map();
  #hasTemporary = false;
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
  /** Where names without a schema are looked for; the first one is where they are made. */
  searchPath: readonly string[] = ['public'];

  constructor(options: { isComplete?: boolean; serverVersion?: number } = {}) {
    this.isComplete = options.isComplete ?? false;
    this.serverVersion = options.serverVersion;
  }

  /** Begins the next file, in a session of its own: its temporary tables are not there yet. */
  beginFile(): void {
    this.file += 1;
    this.searchPath = ['public'];
    if (!this.#hasTemporary) return;
    for (const key of this.tables.keys()) if (key.startsWith('pg_temp.')) this.tables.delete(key);
    this.#hasTemporary = false;
  }

  /** The key of a name, with the schema that it would be found in. */
  key(name: Pick<RangeVar, 'schemaname' | 'relname'> | undefined): string {
    const relname = name?.relname ?? '';
    if (name?.schemaname) return `${name.schemaname}.${relname}`;
    const [first = 'public'] = this.searchPath;
    // Nearly always one schema and nothing temporary: then nothing has to be looked for.
    if (this.searchPath.length === 1 && !this.#hasTemporary) return `${first}.${relname}`;
    const keys = ['pg_temp', ...this.searchPath].map((schema) => `${schema}.${relname}`);
    return keys.find((key) => this.#isKnown(key)) ?? `${first}.${relname}`;
  }

  /** The key of what a CREATE makes: temporary, in the schema written, or in the first of the path. */
  newKey(name: Pick<RangeVar, 'schemaname' | 'relname' | 'relpersistence'> | undefined): string {
    const isTemporary = name?.relpersistence === 't' || name?.schemaname === 'pg_temp';
    if (isTemporary) this.#hasTemporary = true;
    const schema = isTemporary ? 'pg_temp' : (name?.schemaname ?? this.searchPath[0] ?? 'public');
    return `${schema}.${name?.relname ?? ''}`;
  }

  #isKnown(key: string): boolean {
    return [this.tables, this.#indexes, this.types, this.views].some((known) => known.has(key));
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
  type({ schema, name }: DataType): TypeModel | undefined {
    return this.types.get(this.key({ relname: name, ...(schema && { schemaname: schema }) }));
  }

  /** True for a domain with a constraint of its own or of the domain below it. An array has none. */
  isConstrained(type: DataType): boolean {
    const known = type.isArray ? undefined : this.type(type);
    return known?.kind === 'domain' && (known.isConstrained || this.isConstrained(known.base));
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

  /** The tables with a foreign key to the table with this key, and with `all` those that refer to them. */
  referrersOf(key: string, { all = false }: { all?: boolean } = {}): string[] {
    const found = new Set<string>();
    const look = (target: string): void => {
      for (const table of this.tables.values()) {
        if (table.key === key || found.has(table.key)) continue;
        if (![...table.constraints.values()].some((each) => each.references === target)) continue;
        found.add(table.key);
        if (all) look(table.key);
      }
    };
    look(key);
    return [...found];
  }

  /** The keys of the views that read the table. */
  viewsOf(table: RangeVar | undefined): string[] {
    const prefix = `${this.key(table)}.`;
    return [...this.views].flatMap(([key, columns]) =>
      columns.some((column) => column.startsWith(prefix)) ? [key] : [],
    );
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
    partitionKey: undefined,
    partitionOf: undefined,
    defaultPartition: undefined,
    size: undefined,
    published: false,
  };
}
