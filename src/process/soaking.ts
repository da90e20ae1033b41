// How long what is pending in an environment has soaked in the one before it, as the gate `soaked` counts it.

import type { Environment } from '../config/environment.ts';
import { readLedger } from '../history/ledger.ts';
import type { MigrationText } from '../migration/file.ts';
import { readLooks } from '../promotion/gather.ts';
import { lastAppliedAt, rowsOf } from '../promotion/migrations-in-force.ts';
import { type Soak, soakOf } from '../promotion/soak.ts';
import { type Project, reading, targetNamed } from './project.ts';

/**
 * The soak of those pending migrations that are in force in the environment before; null where none is,
 * where none is wanted, and where that environment cannot be read.
 */
export async function soakBefore(
  project: Project,
  environment: Environment,
  pending: readonly MigrationText[],
): Promise<Soak | null> {
  const { after, soakMs } = environment;
  if (after === undefined || soakMs === 0 || pending.length === 0) return null;
  try {
    return await reading(project, targetNamed(project, after), async (database) => {
      const rows = rowsOf(await readLedger(database), pending);
      if (rows.length === 0) return null;
      const since = lastAppliedAt(rows);
      const looks = await readLooks(database, { since, clock: project.context.clock });
      return soakOf({ name: after, ...looks }, { since, rule: environment, aheadMs: 0 });
    });
  } catch {
    return null;
  }
}
