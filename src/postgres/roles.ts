// The roles that a database mentions. A dump names them and does not make them, so a copy on
// another server needs them first.

import { quoteIdentifier, quoteLiteral } from './address.ts';
import type { Database } from './connect.ts';

/** A role that owns something, was granted something or is named by a policy. */
export interface ReferencedRole {
  readonly name: string;
  /** Owners of event triggers and foreign data wrappers must be superusers, in a copy too. */
  readonly superuser: boolean;
  /** Whoever restores must be able to give it what it owned. */
  readonly owns: boolean;
}

/** The roles that this database mentions, and the server's first role, which may own anything. */
export async function readReferencedRoles(database: Database): Promise<ReferencedRole[]> {
  // The first role (id 10) is pinned, and dependencies on pinned objects are not recorded
  // (manual, 53.51); predefined roles exist on every server.
  return await database.query<ReferencedRole>(
    `SELECT r.rolname AS name, r.rolsuper AS superuser,
            EXISTS (SELECT FROM pg_shdepend s
                     WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
                       AND s.dbid = d.oid AND s.deptype = 'o')
              OR EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid AND c.oid >= 16384 AND r.oid = 10
                          AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass
                                             AND e.objid = c.oid AND e.deptype IN ('e', 'i'))) AS owns
       FROM pg_roles r, pg_database d
      WHERE d.datname = current_database()
        AND (r.oid = 10 OR r.oid = d.datdba
             OR r.oid >= 16384
                AND (EXISTS (SELECT FROM pg_shdepend s
                              WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
                                AND (s.dbid = d.oid
                                     OR s.classid = 'pg_database'::regclass AND s.objid = d.oid))
                     OR EXISTS (SELECT FROM pg_db_role_setting c
                                 WHERE c.setdatabase = d.oid AND c.setrole = r.oid)))
      ORDER BY 1`,
  );
}

/** Creates the roles that are not there, unable to log in, with `mark` for their comment. */
export async function createMissingRoles(
  database: Database,
  roles: readonly ReferencedRole[],
  mark?: string,
): Promise<void> {
  const existing = await database.query<{ name: string }>('SELECT rolname AS name FROM pg_roles');
  const known = new Set(existing.map(({ name }) => name));
  for (const { name, superuser } of roles) {
    if (known.has(name)) continue;
    const role = quoteIdentifier(name);
    // One message, one transaction: a role that was made has its mark.
    await database.execute(
      `CREATE ROLE ${role} NOLOGIN ${superuser ? 'SUPERUSER' : 'NOSUPERUSER'}${
        mark === undefined ? '' : `; COMMENT ON ROLE ${role} IS ${quoteLiteral(mark)}`
      }`,
    );
  }
}
