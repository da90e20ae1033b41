// Brings a backup back under a name of its own. Nothing is swapped, so nobody notices.

import type { Backup } from '../backup/manifest.ts';
import { type Context, step } from '../core/context.ts';
import type { Evidence } from '../core/evidence.ts';
import { Failure } from '../core/failure.ts';
import { type Address, quoteIdentifier } from '../postgres/address.ts';
import { verifyArchive } from '../postgres/archive.ts';
import { connect } from '../postgres/connect.ts';
import type { UnfilledView } from '../postgres/far-views.ts';
import { create, fill } from './build.ts';
import { intentOf } from './intent.ts';
import { maintenanceAddress } from './maintenance.ts';
import { preflightBeside } from './preflight.ts';

/** What is restored, and under which name. */
export interface RestoreBesideOptions {
  readonly environment: string;
  /** Any database of the server, which it need not have. */
  readonly live: Address;
  readonly backup: Backup;
  readonly name: string;
}

/** The evidence of a restore under another name. */
export interface RestoreBesideReport extends Evidence {
  readonly kind: 'restore-beside';
  readonly environment: string;
  readonly backup: string;
  readonly database: string;
  readonly restoreMs: number;
  /** Materialised views that read other servers and could not be filled now. */
  readonly unfilled: readonly UnfilledView[];
}

/**
 * Restores a backup into a new database of that name and compares it with the manifest.
 *
 * @throws `usage/name-taken`, and what a restore throws before its swap
 */
export async function restoreBeside(
  context: Context,
  { environment, live, backup, name }: RestoreBesideOptions,
): Promise<RestoreBesideReport> {
  const startedAt = context.clock.now();
  const maintenance = await maintenanceAddress(live);
  await step(context, 'check the way', async () => {
    await verifyArchive({ path: backup.file, ...backup.manifest.dump });
    await using server = await connect(maintenance, { purpose: 'restore' });
    await preflightBeside(intentOf(backup, { maintenance: server, database: live.database }));
    const rows = await server.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rows.length > 0) throw nameTaken(name);
  });
  const building = { maintenance, name, backup, live };
  const began = performance.now();
  await create(context, building);
  let unfilled: readonly UnfilledView[];
  try {
    unfilled = await fill(context, building);
  } catch (failure) {
    await using server = await connect(maintenance, { purpose: 'restore' });
    await server.execute(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
    throw failure;
  }
  return {
    kind: 'restore-beside',
    version: 1,
    plan: null,
    startedAt: startedAt.toISOString(),
    endedAt: context.clock.now().toISOString(),
    outcome: 'done',
    environment,
    backup: backup.name,
    database: name,
    restoreMs: performance.now() - began,
    unfilled,
  };
}

function nameTaken(name: string): Failure {
  return new Failure({
    code: 'usage/name-taken',
    message: `there is a database ${name} already`,
    hint: 'Nothing is ever overwritten: give --into another name.',
  });
}
