// Builds the restored database beside the live one and compares it with its manifest.

import { availableParallelism } from 'node:os';
import type { Backup } from '../backup/manifest.ts';
import { type Context, type StepReporter, step } from '../core/context.ts';
import { whileThereIsRoom } from '../core/disk.ts';
import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import { together } from '../core/together.ts';
import { type Address, quoteIdentifier } from '../postgres/address.ts';
import { loadArchive } from '../postgres/archive.ts';
import { otherOrder, readCollations } from '../postgres/collations.ts';
import { type ConnectOptions, connect, type Database } from '../postgres/connect.ts';
import { type ContentsDifference, compareContents, readContents } from '../postgres/contents.ts';
import { dataFolder } from '../postgres/data-folder.ts';
import {
  applyProperties,
  createDatabaseLike,
  limitConnections,
} from '../postgres/database-properties.ts';
import type { FilledView } from '../postgres/far-views.ts';
import { fillingStatement, fillViews, type UnfilledView } from '../postgres/fill-views.ts';
import { collectStatistics } from '../postgres/statistics.ts';
import { noRoom } from './room.ts';

// More would take from the live database what it needs.
const jobs = Math.min(4, availableParallelism());

/** What is built, and where. */
export interface Building {
  readonly maintenance: Address;
  readonly name: string;
  readonly backup: Backup;
  readonly live: Address;
}

/** Creates the empty database: encoding, locale and settings as they were in the backup. */
export async function create(
  context: Context,
  { maintenance, name, backup }: Building,
): Promise<void> {
  const { signal } = context;
  await using server = await connect(maintenance, { purpose: 'restore', signal });
  const { properties } = backup.manifest.source;
  await createDatabaseLike(server, name, properties, { keepTablespace: true });
}

/** How it is filled. */
export interface Filling {
  /** The database is not ours: everything in one transaction, and its own settings stay. */
  readonly isShared?: boolean;
  /** Leaves the materialised views empty, for a person to fill. */
  readonly viewsLater?: boolean;
}

/**
 * Fills it, compares it with the manifest and readies it for use; returns the materialised views that
 * stay empty. What is there after a failure is for the caller to drop.
 *
 * @throws `restore/not-restorable`, `restore/differs`, `restore/no-space`
 */
export async function fill(
  context: Context,
  building: Building,
  how: Filling = {},
): Promise<UnfilledView[]> {
  const { backup, live, name } = building;
  await step(context, `restore ${backup.name} beside ${live.database}`, (reporter) =>
    load(context, building, { ...how, reporter }),
  );
  const copy = live.withDatabase(name);
  return await step(context, 'compare it with the manifest', async (reporter) => {
    const stop = new AbortController();
    const signal = AbortSignal.any([context.signal, stop.signal]);
    const session = { purpose: 'restore', signal, unlimited: true };
    await using restored = await connect(copy, session);
    // Both only read the tables.
    const [, unfilled] = await together(stop, [
      compare(restored, backup),
      ready(copy, session, { backup, viewsLater: how.viewsLater === true }),
    ]);
    for (const each of otherOrder(
      backup.manifest.source.collations ?? {},
      await readCollations(restored),
    ))
      context.emit({ kind: 'note', text: `In the restored database ${each}.` });
    for (const view of unfilled) {
      const text = `${view.name} is left empty: ${view.reason}. ${fillingStatement(view)}`;
      context.emit({ kind: 'note', text });
    }
    if (how.isShared !== true) {
      await using server = await connect(building.maintenance, { purpose: 'restore', signal });
      await limitConnections(server, name, backup.manifest.source.properties.connectionLimit);
    }
    reporter.summary('as in the original');
    return unfilled;
  });
}

async function load(
  context: Context,
  { maintenance, name, backup, live }: Building,
  { isShared = false, reporter }: Filling & { readonly reporter: StepReporter },
): Promise<void> {
  const { source, contents } = backup.manifest;
  const { signal } = context;
  await using server = await connect(maintenance, { purpose: 'restore', signal });
  const tables = Object.keys(contents.tables).length;
  const folder = await dataFolder(server);
  await whileThereIsRoom({
    folder: () => folder,
    signal,
    work: (whileRoom) =>
      loadArchive(
        { ...context, signal: whileRoom },
        {
          archive: { path: backup.file, ...backup.manifest.dump },
          into: live.withDatabase(name),
          serverVersion: server.version,
          jobs: isShared ? 1 : jobs,
          keepTablespaces: !isShared,
          inOneTransaction: isShared,
          withoutViews: viewsOf(backup),
          startAnew: async () => {
            await server.execute(`DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
            await createDatabaseLike(server, name, source.properties, { keepTablespace: true });
          },
          onTable: (loaded) => reporter.progress(`${loaded} of ${tables} tables`),
        },
      ),
    full: (free) =>
      noRoom(folder ?? '', `the restore was stopped when ${formatBytes(free)} were free`),
  }).catch((failure: unknown) => {
    throw notRestorable(backup, failure);
  });
  // Its own limit comes last: the database may be meant for fewer sessions than filling it takes.
  if (!isShared) await applyProperties(server, name, { ...source.properties, connectionLimit: -1 });
}

async function compare(restored: Database, backup: Backup): Promise<void> {
  const { contents } = backup.manifest;
  const found = await readContents(restored, { like: contents.hashes });
  const differences = compareContents(contents, found);
  if (differences.length > 0) throw differs(backup, differences);
}

// pg_restore would stop at the first view that cannot be filled, and everything else is there by then.
async function ready(
  copy: Address,
  session: ConnectOptions,
  { backup, viewsLater }: { readonly backup: Backup; readonly viewsLater: boolean },
): Promise<UnfilledView[]> {
  const views = viewsOf(backup);
  const reason = 'views were to be filled later';
  const unfilled = viewsLater
    ? views.map((view) => ({ name: view.name, reason }))
    : await fillViews({ open: () => connect(copy, session), jobs }, views);
  await using analyst = await connect(copy, session);
  await collectStatistics(analyst, { vacuum: true });
  return unfilled;
}

// In the order of their making, for a view is made after those that it reads.
function viewsOf({ manifest }: Backup): FilledView[] {
  return Object.entries(manifest.source.relations)
    .flatMap(([name, { id, kind, filled }]) =>
      kind === 'materialised view' && filled ? [{ name, id }] : [],
    )
    .sort((a, b) => a.id - b.id);
}

/** The failure for a restored database that is not what the manifest says. */
export function differs(backup: Backup, differences: readonly ContentsDifference[]): Failure {
  return new Failure({
    code: 'restore/differs',
    message: `${backup.name} does not bring back what it was taken of: ${differences.map(({ sentence }) => sentence).join('; ')}`,
    hint: `The live database is as before. Choose another backup that \`drydock backups ${backup.manifest.environment}\` lists as proven.`,
    details: { differences },
  });
}

function notRestorable(backup: Backup, cause: unknown): unknown {
  if (!(cause instanceof Failure) || cause.code !== 'archive/load-failed') return cause;
  return new Failure({
    code: 'restore/not-restorable',
    message: `${backup.name} could not be loaded: ${String(cause.details.said)}`,
    hint: `Remove the cause, or choose another backup: \`drydock backups ${backup.manifest.environment}\` lists them.`,
    details: cause.details,
    cause,
  });
}
