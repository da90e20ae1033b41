// Which database a backup is of, and in which state the snapshot sees it.

import { readCollations } from '../postgres/collations.ts';
import type { Database } from '../postgres/connect.ts';
import { readProperties } from '../postgres/database-properties.ts';
import { readFarViews } from '../postgres/far-views.ts';
import { readRelations } from '../postgres/relations.ts';
import { readReferencedRoles } from '../postgres/roles.ts';
import type { BackupSource } from './manifest.ts';

/** A {@link BackupSource} but for what is known at the end of the dump alone. */
export type BegunSource = Omit<BackupSource, 'serverClock'> & { readonly startedAt: string };

/** Reads the identity of a database inside the transaction whose snapshot is dumped. */
export async function readSource(database: Database): Promise<BegunSource> {
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
    ...(await readControl(database)),
    databaseId: row.id,
    startedAt: await serverTime(database),
    snapshot: row.snapshot,
    lsn: row.lsn,
    sizeBytes: Number(row.size),
    properties,
    collations: await readCollations(database),
    roles: await readReferencedRoles(database),
    relations: await readRelations(database),
    farViews: await readFarViews(database),
    publications: await names(database, 'SELECT pubname AS name FROM pg_publication ORDER BY 1'),
    subscriptions: await names(
      database,
      `SELECT subname AS name FROM pg_subscription
        WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1`,
    ),
    slots: await names(
      database,
      'SELECT slot_name AS name FROM pg_replication_slots WHERE database = current_database() ORDER BY 1',
    ),
  };
}

/** What time it is for the server, in ISO 8601. */
export async function serverTime(database: Database): Promise<string> {
  const { at } = await database.one<{ at: Date }>('SELECT clock_timestamp() AS at');
  return at.toISOString();
}

// Not every role may read it (manual, 9.27.10), and asking without the right would end the transaction.
async function readControl(
  database: Database,
): Promise<Pick<BackupSource, 'systemIdentifier' | 'timeline'>> {
  const { allowed } = await database.one<{ allowed: boolean }>(
    `SELECT has_function_privilege('pg_control_system()', 'EXECUTE')
            AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE') AS allowed`,
  );
  if (!allowed) return { systemIdentifier: null, timeline: null };
  return await database.one(
    `SELECT system_identifier::text AS "systemIdentifier", timeline_id AS timeline
       FROM pg_control_system(), pg_control_checkpoint()`,
  );
}

async function names(database: Database, query: string): Promise<string[]> {
  return (await database.query<{ name: string }>(query)).map(({ name }) => name);
}
