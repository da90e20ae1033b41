// What the role that restores may do, and which roles the server must have.

import { Failure } from '../core/failure.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import type { RestoreIntent } from './intent.ts';

/** Refuses a role that may not do what is needed. */
export async function refuseMissingRights(
  { maintenance, database }: RestoreIntent,
  needed: readonly ('creates' | 'owns')[],
): Promise<void> {
  const role = await maintenance.one<{
    name: string;
    creates: boolean;
    owns: boolean;
  }>(
    `SELECT rolname AS name, rolsuper OR rolcreatedb AS creates,
            COALESCE((SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = $1), true) AS owns
       FROM pg_roles WHERE rolname = current_user`,
    [database],
  );
  const name = quoteIdentifier(role.name);
  const rights = [
    { right: 'creates', what: 'create databases', sql: `ALTER ROLE ${name} CREATEDB;` },
    {
      right: 'owns',
      what: `rename ${database}`,
      sql: `ALTER DATABASE ${quoteIdentifier(database)} OWNER TO ${name};`,
    },
  ] as const;
  const missing = rights.filter(({ right }) => needed.includes(right) && !role[right]);
  if (missing.length === 0) return;
  throw new Failure({
    code: 'restore/no-right',
    message: `${role.name} may not ${missing.map(({ what }) => what).join(', nor ')}`,
    hint: `Restore as a superuser, or let one say: ${missing.map(({ sql }) => sql).join(' ')} Without a swap, --into NAME needs only the right to create databases, and --to ENVIRONMENT only an empty database that somebody else has made.`,
  });
}

/** Refuses a server that lacks roles of the backup. */
export async function refuseMissingRoles({ maintenance, roles }: RestoreIntent): Promise<void> {
  const known = await maintenance.query<{ name: string }>('SELECT rolname AS name FROM pg_roles');
  const names = new Set(known.map(({ name }) => name));
  const missing = roles.filter(({ name }) => !names.has(name));
  if (missing.length === 0) return;
  throw new Failure({
    code: 'restore/missing-roles',
    message: `the server lacks roles that the backup mentions: ${missing.map(({ name }) => name).join(', ')}`,
    hint: `Create them as they were (the file .globals.sql beside the backup says how), then type the same command again: ${missing.map(({ name }) => `CREATE ROLE ${quoteIdentifier(name)};`).join(' ')}`,
  });
}

/** Refuses a role that may not give what it makes to the owners that it had. */
export async function refuseForeignOwners({ maintenance, roles }: RestoreIntent): Promise<void> {
  const owners = roles.filter(({ owns }) => owns).map(({ name }) => name);
  // From 16 on, to be a member is not enough: the membership must allow SET ROLE (manual, GRANT).
  const needed = maintenance.version >= 160_000 ? 'SET' : 'MEMBER';
  const missing = await maintenance.query<{ name: string; role: string }>(
    `SELECT r.rolname AS name, me.rolname AS role FROM pg_roles r, pg_roles me
      WHERE me.rolname = current_user AND r.rolname = ANY ($1)
        AND NOT me.rolsuper AND NOT pg_has_role(r.oid, $2) ORDER BY 1`,
    [owners, needed],
  );
  const [first] = missing;
  if (first === undefined) return;
  const names = missing.map(({ name }) => name);
  throw new Failure({
    code: 'restore/no-right',
    message: `${first.role} may not give to ${names.join(', ')} what they own in the backup`,
    hint: `Restore as a superuser, or let one say: ${names.map((name) => `GRANT ${quoteIdentifier(name)} TO ${quoteIdentifier(first.role)};`).join(' ')}`,
    details: { owners: names },
  });
}
