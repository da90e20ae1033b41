import { type CatalogRow, changes, type ObjectKind, ownObjects } from '../kind.ts';

interface Policy extends CatalogRow {
  readonly table: string;
  readonly plain: string;
  readonly definition: string;
}

export const policies: ObjectKind<Policy> = {
  kind: 'policy',
  query: `SELECT p.oid::text AS id, p.polrelid::text AS parent, format('%I.%I.%I', n.nspname, c.relname, p.polname) AS name,
                 format('%I.%I', n.nspname, c.relname) AS "table", quote_ident(p.polname) AS plain,
                 concat_ws(' ', 'AS', CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                   'FOR', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                        WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                   'TO', (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ' ORDER BY role)
                            FROM unnest(p.polroles) role),
                   'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
                   'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') AS definition
            FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE ${ownObjects('pg_class', 'c.oid')}
           ORDER BY name`,
  create: (row) => changes(made(row)),
  drop: (row) => changes(dropped(row)),
  rename: (now, was) => changes(`ALTER POLICY ${now.plain} ON ${now.table} RENAME TO ${was.plain}`),
  alter: (now, was) =>
    changes(now.definition !== was.definition && `${dropped(was)}; ${made(was)}`),
};

function made({ table, plain, definition }: Policy): string {
  return `CREATE POLICY ${plain} ON ${table} ${definition}`;
}

function dropped({ table, plain }: Policy): string {
  return `DROP POLICY ${plain} ON ${table}`;
}
