import { changes, type ObjectKind, ownObjects } from '../kind.ts';
import { givenTo, type NamedRow, namedColumns, ownedAgain, renamed } from '../named.ts';

interface Composite extends NamedRow {
  readonly attributes: readonly {
    readonly id: number;
    readonly name: string;
    readonly type: string;
  }[];
}

export const composites: ObjectKind<Composite> = {
  kind: 'composite type',
  query: `SELECT t.oid::text AS id, format('%I.%I', n.nspname, t.typname) AS name, NULL AS parent,
                 ${namedColumns('t.typname', 't.typowner')},
                 COALESCE((SELECT jsonb_agg(jsonb_build_object('id', a.attnum, 'name', quote_ident(a.attname),
                                     'type', format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
                             FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS attributes
            FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_class c ON c.oid = t.typrelid
           WHERE t.typtype = 'c' AND c.relkind = 'c' AND ${ownObjects('pg_type', 't.oid')}`,
  create: (row) =>
    changes(
      `CREATE TYPE ${row.name} AS (${row.attributes.map(({ name, type }) => `${name} ${type}`).join(', ')})`,
      givenTo('TYPE', row),
    ),
  drop: ({ name }) => changes(`DROP TYPE ${name}`),
  rename: (now, was) => renamed('TYPE', now, was),
  alter: (now, was) => {
    const type = `ALTER TYPE ${was.name}`;
    // The same attribute by its number; else another one that took its name.
    const pairs = was.attributes.map((attribute) => ({
      attribute,
      found:
        now.attributes.find(({ id }) => id === attribute.id) ??
        now.attributes.find(({ name }) => name === attribute.name),
    }));
    const added = now.attributes.filter((each) => !pairs.some(({ found }) => found === each));
    return [
      ...changes(
        ...added.map(({ name }) => `${type} DROP ATTRIBUTE ${name}`),
        ...pairs.flatMap(({ attribute: { name, type: wanted }, found }) => {
          if (found === undefined) return [`${type} ADD ATTRIBUTE ${name} ${wanted}`];
          return [
            found.name !== name && `${type} RENAME ATTRIBUTE ${found.name} TO ${name}`,
            found.type !== wanted && `${type} ALTER ATTRIBUTE ${name} TYPE ${wanted}`,
          ];
        }),
      ),
      ...ownedAgain('TYPE', now, was),
    ];
  },
};
