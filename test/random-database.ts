// A database that nobody has thought of: tables, types, keys and views by a seed, with values as the server
// prints them, so that a model of it can be compared cell by cell.

/** Draws the same from the same seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to, and without, `below`. */
  below(below: number): number {
    // Mulberry32.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  /** One of a list. */
  of<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)];
    if (one === undefined) throw new Error('nothing to draw from');
    return one;
  }
}

/** One column beside the key. */
export interface RandomColumn {
  readonly name: string;
  /** Quoted for SQL. */
  readonly sql: string;
  /** A value as the server prints it; null is NULL. */
  readonly value: (dice: Dice) => string | null;
}

/** One table with the key `id`. */
export interface RandomTable {
  readonly name: string;
  readonly sql: string;
  readonly columns: readonly RandomColumn[];
}

/** A database by its seed. */
export interface RandomDatabase {
  readonly tables: readonly RandomTable[];
  /** Makes everything, without rows. */
  readonly sql: string;
  /** Makes what must follow the rows. */
  readonly afterRows: readonly string[];
  /** Does harm to every table. */
  readonly badMigration: readonly string[];
}

const texts = ['', 'plain', "it's", '"quoted"', 'back\\slash', 'tab\tand\nline', 'Ünï 😀', 'NULL'];
const two = (value: number): string => String(value).padStart(2, '0');

/** Types, each with values in the server's own spelling. */
const types: Readonly<Record<string, (dice: Dice) => string>> = {
  int: (dice) => String(dice.below(4_000_000) - 2_000_000),
  bigint: (dice) =>
    `${dice.below(1_000_000)}${String(dice.below(1e9)).padStart(9, '0')}`.replace(/^0+(?=\d)/, ''),
  'numeric(12,2)': (dice) => `${dice.below(1_000_000)}.${two(dice.below(100))}`,
  float8: (dice) => `${dice.below(1000)}.${1 + dice.below(9)}`,
  boolean: (dice) => dice.of(['true', 'false']),
  text: (dice) => dice.of(texts) + String(dice.below(1000)),
  'varchar(60)': (dice) => `v${dice.below(1e6)}`,
  date: (dice) => `20${two(dice.below(100))}-0${1 + dice.below(9)}-1${dice.below(10)}`,
  timestamptz: (dice) =>
    `2024-0${1 + dice.below(9)}-02 1${dice.below(10)}:04:05.${1 + dice.below(9)}+00`,
  interval: (dice) => `${2 + dice.below(20)} days 0${1 + dice.below(9)}:03:04`,
  uuid: (dice) =>
    `00000000-0000-4000-8000-${dice
      .below(2 ** 31)
      .toString(16)
      .padStart(12, '0')}`,
  jsonb: (dice) => `{"a": ${dice.below(1000)}, "list": [1, null, "x"]}`,
  bytea: (dice) => `\\x${two(dice.below(100))}00ff`,
  'text[]': (dice) => `{a${dice.below(100)},"b c",NULL}`,
  mood: (dice) => dice.of(['calm', "it's wild"]),
  email: (dice) => `u${dice.below(1e6)}@example.org`,
};

const oddNames = ['Mixed Case', 'select', 'with"quote', 'ünï', 'semi;colon', 'plain_one', 'a b'];

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Makes one. */
export function randomDatabase(dice: Dice): RandomDatabase {
  const tables = Array.from({ length: 3 + dice.below(5) }, (_, number) =>
    randomTable(dice, number),
  );
  const references = tables.flatMap((table) =>
    dice.below(2) === 0 ? [] : [reference(table, dice.of(tables))],
  );
  return {
    tables,
    sql: [
      `CREATE TYPE mood AS ENUM ('calm', 'it''s wild')`,
      `CREATE DOMAIN email AS text CHECK (value LIKE '%@%')`,
      'CREATE TABLE writes (id text PRIMARY KEY)',
      ...tables.flatMap((table) => creation(table, dice)),
      ...references,
    ].join(';\n'),
    afterRows: tables.flatMap((table) => finishing(table, dice)),
    badMigration: tables.map((table) => harm(table, dice)),
  };
}

function randomTable(dice: Dice, number: number): RandomTable {
  const name = `${dice.of(oddNames)} ${number}`;
  const columns = Array.from({ length: 1 + dice.below(6) }, (_, place): RandomColumn => {
    const type = dice.of(Object.keys(types));
    const column = `${dice.of(oddNames)} ${place}`;
    const draw = types[type] ?? (() => '');
    return {
      name: column,
      sql: `${quote(column)} ${type}`,
      value: (each) => (each.below(6) === 0 ? null : draw(each)),
    };
  });
  return { name, sql: quote(name), columns };
}

function creation({ sql, name, columns }: RandomTable, dice: Dice): string[] {
  const list = ['id bigint', ...columns.map((column) => column.sql), 'other bigint'].join(', ');
  const number = name.split(' ').at(-1);
  const made =
    dice.below(3) === 0
      ? [
          `CREATE TABLE ${sql} (${list}, PRIMARY KEY (id)) PARTITION BY RANGE (id)`,
          `CREATE TABLE low_${number} PARTITION OF ${sql} FOR VALUES FROM (MINVALUE) TO (1000)`,
          `CREATE TABLE rest_${number} PARTITION OF ${sql} DEFAULT`,
        ]
      : [`CREATE TABLE ${sql} (${list}, PRIMARY KEY (id))`];
  return [...made, `CREATE INDEX ON ${sql} (other) WHERE other > 3`];
}

// Circles come about by themselves, and a table may refer to itself.
function reference(from: RandomTable, to: RandomTable): string {
  return `ALTER TABLE ${from.sql} ADD FOREIGN KEY (other) REFERENCES ${to.sql} DEFERRABLE`;
}

function finishing({ sql, name, columns }: RandomTable, dice: Dice): string[] {
  const number = name.split(' ').at(-1);
  const [first] = columns;
  return [
    `CREATE MATERIALIZED VIEW seen_${number} AS SELECT count(*) AS n, max(id) AS id FROM ${sql}`,
    `CREATE MATERIALIZED VIEW again_${number} AS SELECT n FROM seen_${number}`,
    ...(dice.below(2) === 0 || first === undefined
      ? []
      : [`ALTER TABLE ${sql} ADD CHECK (${quote(first.name)} IS NULL OR id > -1)`]),
    `COMMENT ON TABLE ${sql} IS 'it''s ${number}'`,
  ];
}

function harm({ sql, columns }: RandomTable, dice: Dice): string {
  const [first] = columns;
  const column = quote(first?.name ?? 'id');
  return dice.of([
    `UPDATE ${sql} SET ${column} = NULL`,
    `ALTER TABLE ${sql} DROP COLUMN ${column} CASCADE`,
    `DELETE FROM ${sql} WHERE id % 3 = 0`,
    `TRUNCATE ${sql} CASCADE`,
    `DROP TABLE ${sql} CASCADE`,
  ]);
}
