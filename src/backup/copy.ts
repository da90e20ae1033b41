// A backup as a database on a throw-away server.

import { availableParallelism } from 'node:os';
import type { Context, StepReporter } from '../core/context.ts';
import { noRoomForCopy, saysDiskIsFull } from '../core/copy-room.ts';
import { Failure, messageOf } from '../core/failure.ts';
import { type Address, quoteIdentifier } from '../postgres/address.ts';
import { loadArchive } from '../postgres/archive.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { applyProperties, createDatabaseLike } from '../postgres/database-properties.ts';
import { refuseMissingExtensions } from '../postgres/extensions.ts';
import { fillViews } from '../postgres/fill-views.ts';
import { createMissingRoles } from '../postgres/roles.ts';
import type { Backup } from './manifest.ts';

/** A throw-away server, as far as a proof needs one. */
export interface CopyServer {
  /** Where its data lies: here, or on a server that the configuration names. */
  readonly place: 'memory' | 'disk' | 'server';
  /** The comment that databases and roles must have there; undefined where they go with the server. */
  readonly mark?: string;
  /** A folder on the disk where its data lies; undefined where that is not this machine's. */
  readonly folder?: string;
  /** The address of one of its databases, as superuser; the name in it may be another one. */
  address(database: string): Address;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
  /** Lets it run on for a day, beyond the end of this process. */
  keep(): Promise<void>;
}

/** What is loaded, and where. */
export interface Loading {
  readonly backup: Backup;
  readonly server: CopyServer;
  readonly maintenance: Database;
  readonly reporter: StepReporter;
}

/**
 * Loads a backup into a throw-away server, as it was: roles, locale, settings.
 *
 * @throws `proof/not-restorable`, `restore/missing-extensions`, `restore/needs-own-procedure`
 */
export async function loadCopy(
  context: Context,
  { backup, server, maintenance, reporter }: Loading,
): Promise<Address> {
  const { source, contents } = backup.manifest;
  const database = server.address(copyName(source.database));
  const { mark } = server;
  const tables = Object.keys(contents.tables).length;
  await refuseMissingExtensions(maintenance, Object.keys(contents.extensions));
  await createMissingRoles(maintenance, source.roles, mark);
  const copy = { maintenance, name: database.database, backup, mark };
  await createCopy(context, copy);
  await loadArchive(context, {
    archive: { path: backup.file, ...backup.manifest.dump },
    into: database,
    serverVersion: maintenance.version,
    jobs: availableParallelism(),
    keepTablespaces: false,
    withoutViews: source.farViews,
    startAnew: async () => {
      await maintenance.execute(`DROP DATABASE ${quoteIdentifier(copy.name)} WITH (FORCE)`);
      await createCopy(context, copy);
    },
    onTable: (loaded) => reporter.progress(`${loaded} of ${tables} tables`),
  }).catch((failure: unknown) => {
    throw notRestorable(backup, failure);
  });
  await applySettings(context, copy);
  const how = { purpose: 'proof', signal: context.signal, unlimited: true };
  const open = (): Promise<Database> => connect(database, how);
  for (const { name: view, reason } of await fillViews({ open, jobs: 1 }, source.farViews)) {
    context.emit({ kind: 'note', text: `The copy has nothing in ${view}: ${reason}.` });
  }
  return database;
}

interface CopyToMake {
  readonly maintenance: Database;
  readonly name: string;
  readonly backup: Backup;
  readonly mark: string | undefined;
}

// A locale may be missing on this machine. The copy then sorts otherwise than the original, which
// changes no row, and that is said.
async function createCopy(
  context: Context,
  { maintenance, name, backup, mark }: CopyToMake,
): Promise<void> {
  const { properties } = backup.manifest.source;
  const options = { keepTablespace: false, mark };
  try {
    await createDatabaseLike(maintenance, name, properties, options);
  } catch (failure) {
    if (!/locale|collat|provider/i.test(messageOf(failure))) throw failure;
    context.emit({
      kind: 'note',
      text: `The copy has locale C: this machine has no ${properties.locale ?? properties.collate}.`,
    });
    const plain = { ...properties, collate: 'C', ctype: 'C', locale: null, icuRules: null };
    await createDatabaseLike(maintenance, name, { ...plain, provider: 'libc' }, options);
  }
}

// After the loading: a database that may only be read is not filled.
async function applySettings(
  context: Context,
  { maintenance, name, backup, mark }: CopyToMake,
): Promise<void> {
  const { properties } = backup.manifest.source;
  // Libraries that the settings ask for may be missing here, and would close the copy's door.
  const settings = properties.settings.filter((each) => !each.name.endsWith('_preload_libraries'));
  const comment = mark ?? properties.comment;
  await applyProperties(maintenance, name, { ...properties, settings, comment }).catch(
    (failure: unknown) => {
      context.emit({ kind: 'note', text: `The copy lacks settings: ${messageOf(failure)}.` });
    },
  );
}

function copyName(database: string): string {
  return ['postgres', 'template0', 'template1'].includes(database) ? `${database}_copy` : database;
}

// A dump is loaded with an empty search_path (manual, pg_dump, Notes).
function searchPathHint(said: string): string {
  return /(relation|function|type|operator) .* does not exist/.test(said)
    ? 'A function in a constraint, an index, a generated column or a materialised view that finds things by the search_path does not find them in a restore: ALTER FUNCTION … SET search_path = … mends it. '
    : '';
}

function notRestorable(backup: Backup, cause: unknown): unknown {
  if (!(cause instanceof Failure) || cause.code !== 'archive/load-failed') return cause;
  const said = String(cause.details.said);
  if (saysDiskIsFull(said)) return noRoomForCopy(said);
  if (/server closed the connection unexpectedly|connection to server .* failed/s.test(said)) {
    return new Failure({
      code: 'sandbox/server-ended',
      message: `the server ended on which ${backup.name} was restored: ${said}`,
      hint: 'That says nothing of the backup. Look whether this machine has memory and room (free -m; df -h), then type the same command again.',
      cause,
    });
  }
  return new Failure({
    code: 'proof/not-restorable',
    message: `${backup.name} could not be restored: ${said}`,
    hint: `${searchPathHint(said)}Remove the cause, take a new backup with \`drydock backup ${backup.manifest.environment}\`, and prove that.`,
    details: cause.details,
    cause,
  });
}
