import { type Catalog, changes, type ObjectKind, ownObjects } from '../kind.ts';
import { givenTo, type NamedRow, namedColumns, ownedAgain, renamed } from '../named.ts';
import type { Column } from './columns.ts';

interface Enum extends NamedRow {
  /** Object ids of the values, in the order of the values. */
  readonly ids: readonly string[];
  /** As literals. */
  readonly values: readonly string[];
}

export const enums: ObjectKind<Enum> = {
  kind: 'enum',
  query: `SELECT t.oid::text AS id, format('%I.%I', n.nspname, t.typname) AS name, NULL AS parent,
                 ${namedColumns('t.typname', 't.typowner')},
                 ARRAY(SELECT oid::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder) AS ids,
                 ARRAY(SELECT quote_literal(enumlabel) FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder) AS values
            FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
           WHERE t.typtype = 'e' AND ${ownObjects('pg_type', 't.oid')}`,
  create: (row) => changes(made(row)),
  drop: ({ name }) => changes(`DROP TYPE ${name}`),
  rename: (now, was) => renamed('TYPE', now, was),
  alter: (now, was, catalog) => {
    const old = was.ids.map((id, index) => {
      const place = now.ids.indexOf(id);
      const label = now.values[place < 0 ? index : place];
      const wanted = was.values[index] ?? '';
      return label !== wanted && `ALTER TYPE ${was.name} RENAME VALUE ${label} TO ${wanted}`;
    });
    const same = now.values.join() === was.values.join();
    if (!same && now.ids.length === was.ids.length) return changes(...old);
    return [...changes(!same && swapped(now, was, catalog)), ...ownedAgain('TYPE', now, was)];
  },
};

function made(row: Enum): string {
  return `CREATE TYPE ${row.name} AS ENUM (${row.values.join(', ')}); ${givenTo('TYPE', row)}`;
}

// A value cannot be taken from an enum (manual, ALTER TYPE, Notes): a type without it takes the place.
// Rows that have the value stop this, in the words of the server.
function swapped(now: Enum, was: Enum, catalog: { now: Catalog; was: Catalog }): string {
  const aside = `${was.plain.replace(/"$/, '')}_drydock${was.plain.endsWith('"') ? '"' : ''}`;
  const columns = (catalog.now.get('column') ?? []) as readonly Column[];
  const users = columns.filter(
    ({ typeName }) => typeName === now.name || typeName === `${now.name}[]`,
  );
  const retyped = users.map(({ table, plain, typeName, defaultValue }) => {
    const type = typeName.replace(now.name, was.name);
    const text = typeName.endsWith('[]') ? 'text[]' : 'text';
    return `ALTER TABLE ${table} ALTER ${plain} DROP DEFAULT, ALTER ${plain} TYPE ${type} USING ${plain}::${text}::${type}${
      defaultValue === null ? '' : `, ALTER ${plain} SET DEFAULT ${defaultValue}`
    }`;
  });
  return [
    `ALTER TYPE ${was.name} RENAME TO ${aside}`,
    made(was),
    ...retyped,
    `DROP TYPE ${was.schema}.${aside}`,
  ].join(';\n');
}
