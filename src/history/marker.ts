// The environment marker: the database itself says which environment it is. A wrong address in a
// variable has destroyed production databases; here it stops before the first statement.

import type { Actor } from '../core/actor.ts';
import { Failure } from '../core/failure.ts';
import type { Database } from '../postgres/connect.ts';
import { assertTakesWrites } from '../postgres/standby.ts';
import { install, isInstalled } from './install.ts';

/** The environment that this database says it is; undefined where Drydock has never been. */
export async function readMarker(database: Database): Promise<string | undefined> {
  if (!(await isInstalled(database))) return undefined;
  const rows = await database.query<{ name: string }>('SELECT name FROM drydock.environment');
  return rows[0]?.name;
}

/** The id that the marker gave this database; undefined where Drydock has never been. */
export async function readDatabaseId(database: Database): Promise<string | undefined> {
  if (!(await isInstalled(database))) return undefined;
  const rows = await database.query<{ id: string }>(
    'SELECT database_id::text AS id FROM drydock.environment',
  );
  return rows[0]?.id;
}

/**
 * Stops when the database says that it is another environment; returns what it says it is.
 *
 * @throws `history/wrong-environment`
 */
export async function assertMarker(
  database: Database,
  environment: string,
): Promise<string | undefined> {
  const marker = await readMarker(database);
  if (marker === undefined || marker === environment) return marker;
  throw new Failure({
    code: 'history/wrong-environment',
    message: `the database ${database.address.label} is marked as ${marker}, not as ${environment}`,
    hint: `Correct the address of ${environment}; the database of ${marker} must not be used for it.`,
    details: { marker, environment, address: database.address.label },
  });
}

/**
 * Installs Drydock's schema where it is missing and marks the database, or checks its marker.
 *
 * @throws `postgres/standby`, `history/wrong-environment`, and what {@link install} throws
 */
export async function prepareEnvironment(
  database: Database,
  environment: string,
  actor: Actor,
): Promise<void> {
  await assertTakesWrites(database);
  await assertMarker(database, environment);
  await install(database);
  await database.query(
    'INSERT INTO drydock.environment (name, marked_by) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [environment, `${actor.who}@${actor.host}`],
  );
  await assertMarker(database, environment);
}
