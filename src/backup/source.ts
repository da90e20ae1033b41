// Which database a backup is of, and in which state the snapshot sees it.

import type { Database } from '../postgres/connect.ts';
import { readProperties } from '../postgres/database-properties.ts';
import { readReferencedRoles } from '../postgres/roles.ts';
import type { BackupSource } from './manifest.ts';

/** Reads the identity of a database inside the transaction whose snapshot is dumped. */
export async function readSource(database: Database): Promise<BackupSource> {
  const name = database.address.database;
  const properties = await readProperties(database, name);
  if (properties === undefined) throw new Error(`no row in pg_database for ${name}`);
  const row = await database.one<{
    id: number;
    snapshot: string;
    size: string;
    lsn: string | null;
  }>(
    `SELECT oid AS id, pg_current_snapshot()::text AS snapshot,
            pg_database_size(oid)::text AS size,
            CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn()::text END AS lsn
       FROM pg_database WHERE datname = current_database()`,
  );
  return {
    address: database.address.label,
    database: name,
    serverVersion: database.version,
    systemIdentifier: await systemIdentifier(database),
    databaseId: row.id,
    snapshot: row.snapshot,
    lsn: row.lsn,
    sizeBytes: Number(row.size),
    properties,
    roles: await readReferencedRoles(database),
    subscriptions: await readSubscriptions(database),
  };
}

// Not every role may read it (manual, 9.27.10), and asking without the right would end the transaction.
async function systemIdentifier(database: Database): Promise<string | null> {
  const { allowed } = await database.one<{ allowed: boolean }>(
    `SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AS allowed`,
  );
  if (!allowed) return null;
  const { id } = await database.one<{ id: string }>(
    'SELECT system_identifier::text AS id FROM pg_control_system()',
  );
  return id;
}

async function readSubscriptions(database: Database): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    `SELECT subname AS name FROM pg_subscription
      WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}
