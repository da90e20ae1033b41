// Brings a backup back under a name of its own. Nothing is swapped, so nobody notices.

import type { Backup } from '../backup/manifest.ts';
import type { Context } from '../core/context.ts';
import type { Evidence } from '../core/evidence.ts';
import { Failure } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import type { UnfilledView } from '../postgres/fill-views.ts';
import { fill } from './build.ts';
import { checkTheWay } from './check-the-way.ts';
import { maintenanceAddress } from './maintenance.ts';
import { inNewDatabase } from './new-database.ts';
import { preflightBeside } from './preflight.ts';
import { restoredEvidence } from './restored-evidence.ts';

/** What is restored, and under which name. */
export interface RestoreBesideOptions {
  readonly environment: string;
  /** Any database of the server, which it need not have. */
  readonly live: Address;
  readonly backup: Backup;
  readonly name: string;
  /** Leaves the materialised views empty, for a person to fill. */
  readonly viewsLater?: boolean;
}

/** The evidence of a restore under another name. */
export interface RestoreBesideReport extends Evidence {
  readonly kind: 'restore-beside';
  readonly environment: string;
  readonly backup: string;
  readonly database: string;
  readonly restoreMs: number;
  /** Materialised views that are empty, and why. */
  readonly unfilled: readonly UnfilledView[];
}

/**
 * Restores a backup into a new database of that name and compares it with the manifest.
 *
 * @throws `usage/name-taken`, and what a restore throws before its swap
 */
export async function restoreBeside(
  context: Context,
  { environment, live, backup, name, viewsLater = false }: RestoreBesideOptions,
): Promise<RestoreBesideReport> {
  const startedAt = context.clock.now();
  const maintenance = await maintenanceAddress(live);
  const way = { backup, from: maintenance, database: live.database };
  await checkTheWay(context, way, async (intent) => {
    await preflightBeside(intent);
    const found = 'SELECT FROM pg_database WHERE datname = $1';
    if ((await intent.maintenance.query(found, [name])).length > 0) throw nameTaken(name);
  });
  const building = { maintenance, name, backup, live };
  const began = performance.now();
  const unfilled = await inNewDatabase(context, building, () =>
    fill(context, building, { viewsLater }),
  );
  return {
    kind: 'restore-beside',
    ...restoredEvidence(context, { startedAt, environment, backup }),
    outcome: 'done',
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
