// A dump and the figures to prove it by, of one snapshot: what it sees is exported once, and counted,
// hashed and dumped at the same time.

import type { Context, StepReporter } from '../core/context.ts';
import { together } from '../core/together.ts';
import { type Activity, readActivity } from '../postgres/activity.ts';
import { type Address, quoteLiteral } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { type Contents, readOutline } from '../postgres/contents.ts';
import type { Installation } from '../postgres/programs.ts';
import { readRows } from '../postgres/rows.ts';
import { type Dumped, dump } from './dump.ts';
import type { BackupSource } from './manifest.ts';
import { readSource, serverTime } from './source.ts';

/** What is dumped, and where to. */
export interface SnapshotOptions {
  readonly clients: Installation;
  readonly address: Address;
  /** The file or folder to write. */
  readonly partial: string;
  /** Where it lies, for failures. */
  readonly folder: string;
  /** Rows of small tables are hashed, up to so much altogether; 128 MB if left out. */
  readonly hashUpToBytes?: number;
  /** Databases from this size on are dumped side by side into a folder; 256 MB if left out. */
  readonly folderFromBytes?: number;
  readonly reporter: StepReporter;
  /** A snapshot that another session has exported, and that is dumped; one of its own if left out. */
  readonly snapshot?: string | undefined;
  /** Told when the snapshot has been held for long. */
  readonly onLongSnapshot?: () => void;
}

/** A dump, and what the same snapshot holds. */
export interface DumpedSnapshot extends Dumped {
  readonly figures: {
    readonly source: BackupSource;
    readonly contents: Contents;
    readonly activity: Activity;
  };
}

// Hashing takes the server about as long as dumping does: 1.5 s for so much, on one core.
const defaultHashUpToBytes = 128 * 1024 ** 2;

const longSnapshotMs = 15 * 60_000;

// Below, starting further sessions takes about as long as they save.
const defaultFolderFromBytes = 256 * 1024 ** 2;

/**
 * Dumps, counts and hashes.
 *
 * @throws what {@link dump} throws, and a failure of the server when a table stays locked
 */
export async function dumpSnapshot(
  context: Context,
  options: SnapshotOptions,
): Promise<DumpedSnapshot> {
  const {
    address,
    hashUpToBytes = defaultHashUpToBytes,
    folderFromBytes = defaultFolderFromBytes,
  } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  await using database = await connect(address, { purpose: 'backup', signal });
  return await database.transaction(
    async () => {
      // Counting must see every row or fail, and must not wait for a lock longer than pg_dump does.
      await database.execute(
        `SET LOCAL row_security = off; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = 0;
       SET LOCAL idle_in_transaction_session_timeout = 0`,
      );
      const { id } = await database.one<{ id: string }>('SELECT pg_export_snapshot() AS id');
      const { startedAt, ...source } = await readSource(database);
      const activity = await readActivity(database);
      // Before pg_dump reads the sequences: they move on outside of any snapshot, so the dump may only
      // be ahead of the figures, never behind.
      const outline = await readOutline(database);
      const warning = setTimeout(() => options.onLongSnapshot?.(), longSnapshotMs);
      const [rows, dumped] = await together(stop, [
        readRows(database, { upToBytes: hashUpToBytes }),
        dump({
          clients: options.clients,
          address,
          snapshot: id,
          format: source.sizeBytes < folderFromBytes ? 'file' : 'folder',
          file: options.partial,
          folder: options.folder,
          tables: Object.keys(activity.tables).length,
          reporter: options.reporter,
          signal,
        }),
      ]).finally(() => clearTimeout(warning));
      const serverClock = { startedAt, endedAt: await serverTime(database) };
      const figures = {
        source: { ...source, serverClock },
        activity,
        contents: { ...rows, ...outline },
      };
      return { ...dumped, figures };
    },
    {
      begin: [
        'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
        ...(options.snapshot === undefined
          ? []
          : [`SET TRANSACTION SNAPSHOT ${quoteLiteral(options.snapshot)}`]),
      ],
    },
  );
}
