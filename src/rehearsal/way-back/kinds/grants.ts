import { type CatalogRow, changes, type ObjectKind, ownObjects } from '../kind.ts';

/** One privilege of one role on one object. */
interface Grant extends CatalogRow {
  readonly privilege: string;
  readonly on: string;
  readonly grantee: string;
  readonly grantable: boolean;
}

// What PostgreSQL assumes while nothing was ever granted is spelled out (manual, 5.7): the first GRANT
// writes it down, and that is no difference.
const granted = `
  SELECT o.id, o.on, o.suffix, a.privilege_type AS privilege, a.is_grantable AS grantable,
         CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
    FROM (
      SELECT n.oid::text AS id, 'SCHEMA ' || quote_ident(n.nspname) AS on, '' AS suffix,
             COALESCE(n.nspacl, acldefault('n', n.nspowner)) AS acl
        FROM pg_namespace n WHERE ${ownObjects('pg_namespace', 'n.oid')}
      UNION ALL
      SELECT c.oid::text, CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || format('%I.%I', n.nspname, c.relname), '',
             COALESCE(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND ${ownObjects('pg_class', 'c.oid')}
         AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_class'::regclass AND i.objid = c.oid
                            AND c.relkind = 'S' AND i.deptype = 'i')
      UNION ALL
      SELECT c.oid || '.' || a.attnum, 'TABLE ' || format('%I.%I', n.nspname, c.relname), ' (' || quote_ident(a.attname) || ')', a.attacl
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
       WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND ${ownObjects('pg_class', 'c.oid')}
      UNION ALL
      SELECT p.oid::text, 'ROUTINE ' || format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), '',
             COALESCE(p.proacl, acldefault('f', p.proowner))
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prokind <> 'a' AND ${ownObjects('pg_proc', 'p.oid')}
      UNION ALL
      SELECT t.oid::text, 'TYPE ' || format('%I.%I', n.nspname, t.typname), '', COALESCE(t.typacl, acldefault('T', t.typowner))
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
       WHERE t.typtype IN ('d', 'e', 'r') AND ${ownObjects('pg_type', 't.oid')}
    ) o CROSS JOIN LATERAL aclexplode(o.acl) a`;

export const grants: ObjectKind<Grant> = {
  kind: 'grant',
  query: `SELECT concat_ws(' ', g.id, g.grantee, g.privilege) AS id, g.id AS parent,
                 format('%s%s ON %s TO %s', g.privilege, g.suffix, g.on, g.grantee) AS name,
                 g.privilege || g.suffix AS privilege, g.on, g.grantee, g.grantable
            FROM (${granted}) g
           ORDER BY name`,
  create: ({ privilege, on, grantee, grantable }) =>
    changes(`GRANT ${privilege} ON ${on} TO ${grantee}${grantable ? ' WITH GRANT OPTION' : ''}`),
  drop: ({ privilege, on, grantee }) => changes(`REVOKE ${privilege} ON ${on} FROM ${grantee}`),
  alter: (now, { privilege, on, grantee, grantable }) =>
    changes(
      now.grantable !== grantable &&
        (grantable
          ? `GRANT ${privilege} ON ${on} TO ${grantee} WITH GRANT OPTION`
          : `REVOKE GRANT OPTION FOR ${privilege} ON ${on} FROM ${grantee}`),
    ),
};
