// Could a backup be brought back in this environment's place at this moment? Asked before a change, for
// the worst moment to learn of a missing right is the one at which it is needed.

import { Failure } from '../core/failure.ts';
import { connect } from '../postgres/connect.ts';
import { intentOf, type RestoreIntent } from '../restore/intent.ts';
import { maintenanceAddress } from '../restore/maintenance.ts';
import { refuseRestore } from '../restore/preflight.ts';
import { allBackups } from './keeping.ts';
import type { Project, Target } from './project.ts';

/** What a restore would be refused for. */
export interface RestoreObstacle {
  /** Lower case, no full stop. */
  readonly reason: string;
  /** The command that takes it away. */
  readonly remedy: string;
}

/** What stands in the way of restoring the newest backup (or a first one); null when nothing does. */
export async function restoreObstacle(
  project: Project,
  { environment, address }: Target,
): Promise<RestoreObstacle | null> {
  const [backup] = (await allBackups(project, environment.name)).backups;
  try {
    const { signal } = project.context;
    const place = await maintenanceAddress(address);
    await using maintenance = await connect(place, { purpose: 'read', readOnly: true, signal });
    const where = { maintenance, database: address.database };
    await refuseRestore(backup === undefined ? await firstIntent(where) : intentOf(backup, where));
    return null;
  } catch (failure) {
    if (!(failure instanceof Failure) || failure.code === 'interrupted') throw failure;
    return { reason: failure.message, remedy: failure.hint ?? '' };
  }
}

async function firstIntent(
  where: Pick<RestoreIntent, 'maintenance' | 'database'>,
): Promise<RestoreIntent> {
  const { bytes } = await where.maintenance.one<{ bytes: string }>(
    'SELECT coalesce(sum(pg_database_size(oid)), 0)::text AS bytes FROM pg_database WHERE datname = $1',
    [where.database],
  );
  return { ...where, sizeBytes: Number(bytes), roles: [], extensions: [] };
}
