import { changes, type ObjectKind, ownObjects } from '../kind.ts';
import { givenTo, type NamedRow, namedColumns, ownedAgain, renamed } from '../named.ts';

interface Domain extends NamedRow {
  readonly base: string;
  readonly notNull: boolean;
  readonly defaultValue: string | null;
  /** Names of the checks, each with its definition. */
  readonly checks: readonly { readonly name: string; readonly definition: string }[];
}

export const domains: ObjectKind<Domain> = {
  kind: 'domain',
  query: `SELECT t.oid::text AS id, format('%I.%I', n.nspname, t.typname) AS name, NULL AS parent,
                 ${namedColumns('t.typname', 't.typowner')},
                 format_type(t.typbasetype, t.typtypmod)
                   || CASE WHEN t.typcollation <> b.typcollation THEN ' COLLATE ' || t.typcollation::regcollation ELSE '' END AS base,
                 t.typnotnull AS "notNull", t.typdefault AS "defaultValue",
                 COALESCE((SELECT jsonb_agg(jsonb_build_object('name', quote_ident(c.conname), 'definition', pg_get_constraintdef(c.oid)) ORDER BY c.conname)
                             FROM pg_constraint c WHERE c.contypid = t.oid AND c.contype = 'c'), '[]') AS checks
            FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_type b ON b.oid = t.typbasetype
           WHERE t.typtype = 'd' AND ${ownObjects('pg_type', 't.oid')}`,
  create: (row) =>
    changes(
      [
        `CREATE DOMAIN ${row.name} AS ${row.base}`,
        ...(row.defaultValue === null ? [] : [`DEFAULT ${row.defaultValue}`]),
        ...(row.notNull ? ['NOT NULL'] : []),
        ...row.checks.map(({ name, definition }) => `CONSTRAINT ${name} ${definition}`),
      ].join(' '),
      givenTo('DOMAIN', row),
    ),
  drop: ({ name }) => changes(`DROP DOMAIN ${name}`),
  rename: (now, was) => renamed('DOMAIN', now, was),
  alter: (now, was) => {
    const domain = `ALTER DOMAIN ${was.name}`;
    const kept = (checks: Domain['checks']): Set<string> =>
      new Set(checks.map(({ name, definition }) => `${name} ${definition}`));
    return [
      ...changes(
        now.defaultValue !== was.defaultValue &&
          `${domain} ${was.defaultValue === null ? 'DROP DEFAULT' : `SET DEFAULT ${was.defaultValue}`}`,
        now.notNull !== was.notNull && `${domain} ${was.notNull ? 'SET' : 'DROP'} NOT NULL`,
        ...now.checks
          .filter(({ name, definition }) => !kept(was.checks).has(`${name} ${definition}`))
          .map(({ name }) => `${domain} DROP CONSTRAINT ${name}`),
        ...was.checks
          .filter(({ name, definition }) => !kept(now.checks).has(`${name} ${definition}`))
          .map(({ name, definition }) => `${domain} ADD CONSTRAINT ${name} ${definition}`),
      ),
      ...ownedAgain('DOMAIN', now, was),
    ];
  },
};
