// What must be true before a backup is started.

import { statfs } from 'node:fs/promises';
import type { Context } from '../core/context.ts';
import { formatBytes, formatDuration } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';

/**
 * Refuses a backup that would silently leave rows out.
 *
 * @throws `backup/row-security`
 */
export async function refuseRowSecurity(database: Database): Promise<void> {
  const hidden = await database.query<{ name: string; role: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, current_user AS role
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relrowsecurity AND row_security_active(c.oid) ORDER BY 1`,
  );
  const [first] = hidden;
  if (first === undefined) return;
  throw new Failure({
    code: 'backup/row-security',
    message: `row security would hide rows of ${hidden.map(({ name }) => name).join(', ')} from ${first.role}`,
    hint: `Take the backup as a superuser, or let the role see everything: ALTER ROLE ${quoteIdentifier(first.role)} BYPASSRLS;`,
    details: { tables: hidden.map(({ name }) => name), role: first.role },
  });
}

/**
 * Names who else is at work for long: another dump reads the same, and a transaction that has been open
 * for minutes holds locks and keeps dead rows, as the backup will. None of that is a reason not to begin.
 */
export async function noteOthers(context: Context, database: Database): Promise<void> {
  const others = await database.query<{ pid: number; program: string; ms: number; state: string }>(
    `SELECT pid, application_name AS program, state,
            (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::float8 AS ms
       FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        AND (application_name IN ('pg_dump', 'pg_basebackup')
             OR xact_start < clock_timestamp() - interval '1 minute')
      ORDER BY xact_start`,
  );
  for (const { pid, program, ms, state } of others) {
    const what = program === '' ? 'an unnamed program' : program;
    const text = `Also at work in ${database.address.database}: ${what} (server process ${pid}, ${state}), in a transaction of ${formatDuration(ms)}.`;
    context.emit({ kind: 'note', text });
  }
}

// Room beyond the estimate, for a database that grew and for the file system's own needs.
const margin = 1.3;

/**
 * Refuses a backup for which the disk has no room.
 *
 * @throws `backup/no-space`
 */
export async function refuseFullDisk(folder: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= needed) return;
  throw noSpace(
    folder,
    `${formatBytes(free)} are free and about ${formatBytes(needed)} are needed`,
  );
}

/** The failure for a disk without room. */
export function noSpace(folder: string, said: string): Failure {
  return new Failure({
    code: 'backup/no-space',
    message: `there is no room for a backup in ${folder}: ${said}`,
    hint: `Make room there (\`df -h ${folder}\` shows the disk), or configure another folder for backups.`,
  });
}

/** The room that a backup of a database wants, in bytes. */
export async function backupNeeds(
  database: Database,
  previousBytes: number | undefined,
): Promise<number> {
  return (await estimateDumpBytes(database, previousBytes)) * margin;
}

// As the dump before, else a third of the database.
async function estimateDumpBytes(
  database: Database,
  previousBytes: number | undefined,
): Promise<number> {
  if (previousBytes !== undefined) return previousBytes;
  // Not pg_table_size of each table: that waits for whoever is altering one.
  const { bytes } = await database.one<{ bytes: string }>(
    'SELECT pg_database_size(current_database()) AS bytes',
  );
  return Number(bytes) / 3;
}

/** The failure behind an error of the file system; anything else comes back as it is. */
export function folderFailure(error: unknown, folder: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof Failure || code === undefined) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') return noSpace(folder, code);
  return new Failure({
    code: 'backup/folder-not-writable',
    message: `cannot write a backup to ${folder}: ${code}`,
    hint: `Give this user the right to write there (\`ls -ld ${folder}\`), or configure another folder for backups.`,
    cause: error,
  });
}
