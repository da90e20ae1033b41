// What copies on a named server leave behind: found by Drydock's mark, and dropped when nobody holds the
// advisory lock of their command any more. The server lets go of it when that session ends, however it
// ends and on whatever machine.

import { quoteIdentifier, quoteLiteral } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import { sqlStateOf, sqlStates } from '../postgres/server-error.ts';
import { dropDatabase } from './copy.ts';

/** The comment of a copy's database, and of the roles that were made for copies. */
export const mark = 'a copy by drydock';

/** The first key of the advisory locks of copies; the second is that of the copy. */
export const lockSpace = 0x64727963;

/** The database of a copy. */
export function copyName(id: number): string {
  return `drydock_copy_${(id >>> 0).toString(16).padStart(8, '0')}`;
}

/** The database beside a copy, which stays as it was and goes with it; undefined for another database. */
export function besideCopy(name: string): string | undefined {
  const id = /^drydock_copy_([0-9a-f]{8})$/.exec(name)?.[1];
  return id === undefined ? undefined : `drydock_as_it_was_${id}`;
}

/** Drops a copy and the database beside it. */
export async function dropCopy(owner: Database, name: string): Promise<void> {
  const server = { address: () => owner.address };
  const beside = besideCopy(name);
  if (beside !== undefined) await dropDatabase(server, beside);
  await dropDatabase(server, name);
}

/** Leaves a copy there for a day by the clock of its server. */
export async function keepCopy(owner: Database, name: string): Promise<void> {
  const { until } = await owner.one<{ until: string }>(
    "SELECT (now() + interval '1 day')::timestamptz(0)::text AS until",
  );
  const comment = quoteLiteral(`${mark}, kept until ${until}`);
  await owner.execute(`COMMENT ON DATABASE ${quoteIdentifier(name)} IS ${comment}`);
}

/** Drops the copies that are nobody's any more; those that were kept when their day is over, or when asked to. */
export async function sweepCopies(owner: Database, what: 'old' | 'kept' = 'old'): Promise<number> {
  const left = await owner.query<{ name: string; isKept: boolean }>(
    `SELECT name, kept IS NOT NULL AND ($3 OR kept::timestamptz > now()) AS "isKept"
       FROM (SELECT datname AS name, substring(comment FROM 'kept until (.+)$') AS kept
               FROM pg_database, shobj_description(oid, 'pg_database') AS comment
              WHERE datname ~ '^drydock_copy_[0-9a-f]{8}$' AND starts_with(comment, $1)) AS copy
      WHERE NOT EXISTS (
        SELECT FROM pg_locks
         WHERE locktype = 'advisory' AND classid = $2 AND objsubid = 2 AND granted
           AND lpad(to_hex(objid::bigint), 8, '0') = right(name, 8))`,
    [mark, lockSpace, what === 'kept'],
  );
  const dropped = left.filter(({ isKept }) => isKept === (what === 'kept'));
  for (const { name } of dropped) await dropCopy(owner, name);
  if (dropped.length > 0) await dropMarkedRoles(owner);
  return dropped.length;
}

/**
 * Drops the roles that were made for copies and that nothing depends on. While another command makes a
 * copy they stay: it may be about to give them something.
 */
export async function dropMarkedRoles(owner: Database): Promise<void> {
  const roles = await owner.query<{ name: string }>(
    `SELECT rolname AS name FROM pg_roles
      WHERE shobj_description(oid, 'pg_authid') = $1
        AND NOT EXISTS (SELECT FROM pg_locks
                         WHERE locktype = 'advisory' AND classid = $2 AND objsubid = 2
                           AND pid <> pg_backend_pid())`,
    [mark, lockSpace],
  );
  for (const { name } of roles) {
    await owner
      .execute(`DROP ROLE IF EXISTS ${quoteIdentifier(name)}`)
      .catch((failure: unknown) => {
        // A copy that was kept has something of it.
        if (sqlStateOf(failure) !== sqlStates.dependentObjects) throw failure;
      });
  }
}
