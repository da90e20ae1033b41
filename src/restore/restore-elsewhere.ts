// Brings a backup back into an empty database that somebody else has made: where a provider lets nobody
// create or rename databases, a new instance and another address are what is left.

import type { Backup } from '../backup/manifest.ts';
import type { Context } from '../core/context.ts';
import type { Evidence } from '../core/evidence.ts';
import { Failure } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import type { UnfilledView } from '../postgres/fill-views.ts';
import { fill } from './build.ts';
import { checkTheWay } from './check-the-way.ts';
import { preflightBeside } from './preflight.ts';
import { restoredEvidence } from './restored-evidence.ts';

/** What is restored, and into which database. */
export interface RestoreElsewhereOptions {
  readonly environment: string;
  readonly backup: Backup;
  /** A database with nothing in it. */
  readonly into: Address;
  /** Leaves the materialised views empty, for a person to fill. */
  readonly viewsLater?: boolean;
}

/** The evidence of a restore into a database that was there. */
export interface RestoreElsewhereReport extends Evidence {
  readonly kind: 'restore-elsewhere';
  readonly environment: string;
  readonly backup: string;
  /** Host, port and database. */
  readonly into: string;
  readonly restoreMs: number;
  /** Materialised views that are empty, and why. */
  readonly unfilled: readonly UnfilledView[];
}

/**
 * Restores a backup into an empty database, in one transaction, and compares it with the manifest. The
 * database keeps its own name, owner and settings.
 *
 * @throws `restore/not-empty`, and what a restore throws before its swap
 */
export async function restoreElsewhere(
  context: Context,
  { environment, backup, into, viewsLater = false }: RestoreElsewhereOptions,
): Promise<RestoreElsewhereReport> {
  const startedAt = context.clock.now();
  const way = { backup, from: into, database: into.database };
  await checkTheWay(context, way, async (intent) => {
    await preflightBeside(intent, []);
    await refuseNotEmpty(intent.maintenance);
  });
  const began = performance.now();
  const building = { maintenance: into, name: into.database, backup, live: into };
  const unfilled = await fill(context, building, { isShared: true, viewsLater });
  return {
    kind: 'restore-elsewhere',
    ...restoredEvidence(context, { startedAt, environment, backup }),
    outcome: 'done',
    into: into.label,
    restoreMs: performance.now() - began,
    unfilled,
  };
}

async function refuseNotEmpty(database: Database): Promise<void> {
  const own = (catalog: string, schema: string): string =>
    `EXISTS (SELECT FROM ${catalog} c JOIN pg_namespace n ON n.oid = c.${schema}
              WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalog}'::regclass
                                   AND d.objid = c.oid AND d.deptype = 'e'))`;
  const { used } = await database.one<{ used: boolean }>(
    `SELECT ${own('pg_class', 'relnamespace')} OR ${own('pg_proc', 'pronamespace')}
            OR ${own('pg_type', 'typnamespace')}
            OR EXISTS (SELECT FROM pg_largeobject_metadata) AS used`,
  );
  if (!used) return;
  throw new Failure({
    code: 'restore/not-empty',
    message: `${database.address.label} has something in it already`,
    hint: 'Nothing is ever overwritten: name an environment whose database is new and empty.',
  });
}
