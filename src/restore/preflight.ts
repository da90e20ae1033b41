// What forbids a restore beside the live database and a swap of names, said before anything is done.

import { statfs } from 'node:fs/promises';
import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import type { ReferencedRole } from '../postgres/roles.ts';

/** What is about to be restored. */
export interface PreflightOptions {
  /** A session on another database of the same server. */
  readonly maintenance: Database;
  readonly database: string;
  /** Size of the database that the backup was taken of. */
  readonly sizeBytes: number;
  /** Roles that the backup mentions. */
  readonly roles: readonly ReferencedRole[];
}

/**
 * Refuses a restore under another name that cannot end well.
 *
 * @throws `restore/no-right`, `restore/missing-roles`, `restore/no-space`
 */
export async function preflightBeside(options: PreflightOptions): Promise<void> {
  await refuseMissingRights(options, ['creates']);
  await refuseMissingRoles(options);
  await refuseFullDisk(options);
}

/**
 * Refuses a restore with a swap that cannot end well.
 *
 * @throws `restore/no-right`, `restore/missing-roles`, `restore/prepared-transactions`,
 *   `restore/active-slots`, `restore/active-subscriptions`, `restore/no-space`
 */
export async function preflight(options: PreflightOptions): Promise<void> {
  await refuseMissingRights(options, ['creates', 'owns', 'signals']);
  await refuseMissingRoles(options);
  await refusePreparedTransactions(options);
  await refuseActiveSlots(options);
  await refuseActiveSubscriptions(options);
  await refuseFullDisk(options);
}

async function refuseMissingRights(
  { maintenance, database }: PreflightOptions,
  needed: readonly ('creates' | 'owns' | 'signals')[],
): Promise<void> {
  const role = await maintenance.one<{
    name: string;
    creates: boolean;
    owns: boolean;
    signals: boolean;
  }>(
    `SELECT rolname AS name, rolsuper OR rolcreatedb AS creates,
            COALESCE((SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = $1), true) AS owns,
            rolsuper OR pg_has_role('pg_signal_backend', 'USAGE') AS signals
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
    {
      right: 'signals',
      what: 'end sessions of others',
      sql: `GRANT pg_signal_backend TO ${name};`,
    },
  ] as const;
  const missing = rights.filter(({ right }) => needed.includes(right) && !role[right]);
  if (missing.length === 0) return;
  throw new Failure({
    code: 'restore/no-right',
    message: `${role.name} may not ${missing.map(({ what }) => what).join(', nor ')}`,
    hint: `Restore as a superuser, or let one say: ${missing.map(({ sql }) => sql).join(' ')} Without a swap, --into NAME needs only the right to create databases.`,
  });
}

async function refuseMissingRoles({ maintenance, roles }: PreflightOptions): Promise<void> {
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

// Renaming a database fails while one is open (dbcommands.c, RenameDatabase), and nothing but its
// owner's COMMIT PREPARED or ROLLBACK PREPARED ends it.
async function refusePreparedTransactions(options: PreflightOptions): Promise<void> {
  const prepared = await options.maintenance.query<{ gid: string }>(
    'SELECT gid FROM pg_prepared_xacts WHERE database = $1 ORDER BY prepared',
    [options.database],
  );
  const [first] = prepared;
  if (first === undefined) return;
  throw new Failure({
    code: 'restore/prepared-transactions',
    message: `${options.database} has prepared transactions: ${prepared.map(({ gid }) => gid).join(', ')}`,
    hint: `End each of them in ${options.database}, with COMMIT PREPARED ${quoteLiteral(first.gid)}; or ROLLBACK PREPARED, then type the same command again.`,
  });
}

// A slot belongs to a database and not to its name: after the swap its reader would go on with the
// broken database and never see a row again.
async function refuseActiveSlots(options: PreflightOptions): Promise<void> {
  const slots = await options.maintenance.query<{ name: string }>(
    `SELECT slot_name AS name FROM pg_replication_slots WHERE database = $1 AND active ORDER BY 1`,
    [options.database],
  );
  if (slots.length === 0) return;
  throw new Failure({
    code: 'restore/active-slots',
    message: `replication slots of ${options.database} are in use: ${slots.map(({ name }) => name).join(', ')}`,
    hint: 'Stop their readers and plan to start them anew on the restored database, then type the same command again.',
  });
}

// A subscription belongs to a database and not to its name too: after the swap it would stand still
// in the broken database, while the other side keeps its log for it until the disk is full.
async function refuseActiveSubscriptions(options: PreflightOptions): Promise<void> {
  const active = await options.maintenance.query<{ name: string }>(
    `SELECT subname AS name FROM pg_subscription JOIN pg_database d ON d.oid = subdbid
      WHERE datname = $1 AND subenabled ORDER BY 1`,
    [options.database],
  );
  const [first] = active;
  if (first === undefined) return;
  throw new Failure({
    code: 'restore/active-subscriptions',
    message: `subscriptions of ${options.database} are enabled: ${active.map(({ name }) => name).join(', ')}`,
    hint: `Disable each of them in ${options.database} with ALTER SUBSCRIPTION ${quoteIdentifier(first.name)} DISABLE; and plan to make it anew on the restored database.`,
  });
}

// Only a server on this machine lets its disk be seen.
async function refuseFullDisk({ maintenance, sizeBytes }: PreflightOptions): Promise<void> {
  const { host } = maintenance.address;
  if (!host.startsWith('/') && !['localhost', '127.0.0.1', '::1'].includes(host)) return;
  const [row] = await maintenance.query<{ folder: string }>(
    `SELECT setting AS folder FROM pg_settings WHERE name = 'data_directory'`,
  );
  const disk = row === undefined ? undefined : await statfs(row.folder).catch(() => undefined);
  if (disk === undefined) return;
  const free = disk.bavail * disk.bsize;
  const needed = sizeBytes * 1.2;
  if (free >= needed) return;
  throw new Failure({
    code: 'restore/no-space',
    message: `the server has no room for a second copy: ${formatBytes(free)} are free and about ${formatBytes(needed)} are needed`,
    hint: `Make room on the server's disk (\`df -h ${row?.folder}\` shows it), for example by dropping an old broken database.`,
  });
}
