// Builds the restored database beside the live one and compares it with its manifest.

import { availableParallelism } from 'node:os';
import type { Backup } from '../backup/manifest.ts';
import { type Context, step } from '../core/context.ts';
import { whileThereIsRoom } from '../core/disk.ts';
import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import { loadArchive } from '../postgres/archive.ts';
import { connect } from '../postgres/connect.ts';
import { type ContentsDifference, compareContents, readContents } from '../postgres/contents.ts';
import { applyProperties, createDatabaseLike } from '../postgres/database-properties.ts';
import { fillViews, type UnfilledView } from '../postgres/far-views.ts';
import { collectStatistics } from '../postgres/statistics.ts';
import { dataFolder, noRoom } from './room.ts';

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

/**
 * Fills it; returns the materialised views that stay empty, because another server that they read does
 * not answer. What is there after a failure is for the caller to drop.
 *
 * @throws `restore/not-restorable`, `restore/differs`, `restore/no-space`
 */
export async function fill(
  context: Context,
  { maintenance, name, backup, live }: Building,
  /** Of a database that is not ours: everything in one transaction, and its own settings stay. */
  { isShared = false }: { readonly isShared?: boolean } = {},
): Promise<UnfilledView[]> {
  const { source, contents } = backup.manifest;
  const address = live.withDatabase(name);
  const { signal } = context;
  await step(context, `restore ${backup.name} beside ${live.database}`, async (reporter) => {
    await using server = await connect(maintenance, { purpose: 'restore', signal });
    const tables = Object.keys(contents.tables).length;
    const folder = await dataFolder(server);
    await whileThereIsRoom({
      folder,
      signal,
      work: (whileRoom) =>
        loadArchive(
          { ...context, signal: whileRoom },
          {
            archive: { path: backup.file, ...backup.manifest.dump },
            into: address,
            serverVersion: server.version,
            jobs: isShared ? 1 : Math.min(4, availableParallelism()),
            keepTablespaces: !isShared,
            selection: isShared ? ['--single-transaction'] : [],
            withoutViews: source.farViews,
            onTable: (loaded) => reporter.progress(`${loaded} of ${tables} tables`),
          },
        ),
      full: (free) =>
        noRoom(folder ?? '', `the restore was stopped when ${formatBytes(free)} were free`),
    }).catch((failure: unknown) => {
      throw notRestorable(backup, failure);
    });
    if (!isShared) await applyProperties(server, name, source.properties);
  });
  await step(context, 'compare it with the manifest', async (reporter) => {
    await using restored = await connect(address, { purpose: 'restore', signal });
    const differences = compareContents(
      contents,
      await readContents(restored, { like: contents.hashes }),
    );
    if (differences.length > 0) throw differs(backup, differences);
    // A fresh restore has no statistics, and the planner would guess.
    reporter.progress('collecting statistics');
    await collectStatistics(restored);
  });
  await using restored = await connect(address, { purpose: 'restore', signal });
  const unfilled = await fillViews(restored, source.farViews);
  for (const { name: view, reason } of unfilled) {
    context.emit({ kind: 'note', text: `${view} could not be filled: ${reason}.` });
  }
  return unfilled;
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
