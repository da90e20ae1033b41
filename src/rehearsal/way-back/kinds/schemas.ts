import { type CatalogRow, changes, type ObjectKind } from '../kind.ts';

interface Schema extends CatalogRow {
  readonly owner: string;
}

export const schemas: ObjectKind<Schema> = {
  kind: 'schema',
  query: `SELECT n.oid::text AS id, quote_ident(n.nspname) AS name, NULL AS parent,
                 quote_ident(pg_get_userbyid(n.nspowner)) AS owner
            FROM pg_namespace n
           WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'drydock')
             AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_namespace'::regclass
                                AND x.objid = n.oid AND x.deptype = 'e')`,
  create: ({ name, owner }) => changes(`CREATE SCHEMA ${name} AUTHORIZATION ${owner}`),
  drop: ({ name }) => changes(`DROP SCHEMA ${name}`),
  rename: (now, was) => changes(`ALTER SCHEMA ${now.name} RENAME TO ${was.name}`),
  alter: (now, was) =>
    changes(now.owner !== was.owner && `ALTER SCHEMA ${was.name} OWNER TO ${was.owner}`),
};
