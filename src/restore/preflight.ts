// What forbids a restore beside the live database and a swap of names, said before anything is done.

import type { Context } from '../core/context.ts';
import { refuseMissingExtensions } from '../postgres/extensions.ts';
import {
  refuseActiveSlots,
  refuseActiveSubscriptions,
  refuseLastingSessions,
  refusePreparedTransactions,
} from './blockers.ts';
import type { RestoreIntent } from './intent.ts';
import { refuseForeignOwners, refuseMissingRights, refuseMissingRoles } from './rights.ts';
import { refuseFullDisk } from './room.ts';

/**
 * Refuses a restore under another name that cannot end well.
 *
 * @throws `restore/no-right`, `restore/missing-roles`, `restore/missing-extensions`,
 *   `restore/needs-own-procedure`, `restore/no-space`
 */
export async function preflightBeside(
  options: RestoreIntent,
  rights: Parameters<typeof refuseMissingRights>[1] = ['creates'],
): Promise<void> {
  const { maintenance, extensions, sizeBytes } = options;
  await refuseMissingRights(options, rights);
  await refuseMissingRoles(options);
  await refuseForeignOwners(options);
  await refuseMissingExtensions(maintenance, extensions);
  await refuseFullDisk(maintenance, sizeBytes);
}

/**
 * Refuses a restore with a swap that cannot end well. Only looks.
 *
 * @throws what {@link preflightBeside} throws, `restore/prepared-transactions`,
 *   `restore/active-slots`, `restore/active-subscriptions`, `restore/lasting-sessions`
 */
export async function refuseRestore(options: RestoreIntent): Promise<void> {
  await preflightBeside(options, ['creates', 'owns']);
  await refusePreparedTransactions(options);
  await refuseActiveSlots(options);
  await refuseActiveSubscriptions(options);
  await refuseLastingSessions(options);
}

/**
 * Refuses a restore with a swap that cannot end well, and notes what it does to standbys.
 *
 * @throws what {@link refuseRestore} throws
 */
export async function preflight(context: Context, options: RestoreIntent): Promise<void> {
  await refuseRestore(options);
  await noteStandbys(context, options);
}

// Every standby and the archive of the log receive the whole restore; the new database is on a standby
// when it has replayed that.
async function noteStandbys(context: Context, { maintenance }: RestoreIntent): Promise<void> {
  const { count } = await maintenance.one<{ count: number }>(
    'SELECT count(*)::int AS count FROM pg_stat_replication',
  );
  if (count === 0) return;
  const text = `${count} ${count === 1 ? 'standby receives' : 'standbys receive'} the whole restore as log: look at the lag before you answer.`;
  context.emit({ kind: 'note', text });
}
