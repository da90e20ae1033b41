// pgBackRest as an engine: backups of the whole server with its write-ahead log, restored into a
// throw-away server.

import { join } from 'node:path';
import { type Context, step } from '../../core/context.ts';
import { formatBytes } from '../../core/duration.ts';
import { Failure } from '../../core/failure.ts';
import { run } from '../../core/process.ts';
import type { Address } from '../../postgres/address.ts';
import type { RestoredOptions, RestoredServer } from '../../sandbox/restored.ts';
import { type Engine, type EngineBackup, engineFailed, lastWords } from './engine.ts';

/** Which of pgBackRest's servers, and how. */
export interface PgbackrestOptions {
  readonly stanza: string;
  /** Its configuration file; its own default if left out. */
  readonly config?: string | undefined;
  /** What a backup is based on; pgBackRest makes a full one where there is none yet. */
  readonly type?: 'full' | 'diff' | 'incr' | undefined;
}

/** What the engine needs of others. */
export interface PgbackrestMeans {
  /** The live database: its name and role are those in the copy. */
  readonly live: Address;
  /** Whom pgBackRest runs as: its repository belongs to one user, which is not root. */
  readonly account: { readonly uid?: number; readonly gid?: number };
  /** Starts a throw-away server on restored files and waits until it has replayed what it must. */
  readonly startRestored: (context: Context, how: RestoredOptions) => Promise<RestoredServer>;
}

interface Stanza {
  readonly status: { readonly code: number; readonly message: string };
  readonly db: readonly { readonly id: number; readonly version: string }[];
  readonly backup: readonly {
    readonly label: string;
    /** True when pages with wrong checksums were found. */
    readonly error?: boolean;
    readonly database: { readonly id: number };
    readonly info: { readonly size: number };
    readonly timestamp: { readonly stop: number };
  }[];
}

/** pgBackRest's backups of one server. Its repository may be anywhere that pgBackRest can reach. */
export function pgbackrestEngine(options: PgbackrestOptions, means: PgbackrestMeans): Engine {
  const label = `pgBackRest ${options.stanza}`;
  const common = [
    `--stanza=${options.stanza}`,
    ...(options.config === undefined ? [] : [`--config=${options.config}`]),
  ];
  const ask = async (
    what: string,
    args: readonly string[],
    signal: AbortSignal,
  ): Promise<string> => {
    const how = { ...means.account, cwd: '/', env: { ...process.env, LC_ALL: 'C' }, signal };
    const result = await run('pgbackrest', [...common, ...args], how);
    if (result.exitCode !== 0) throw engineFailed(label, what, lastWords(result));
    return result.stdout;
  };
  const stanza = async ({ signal }: Context): Promise<Stanza> => {
    const said = await ask('tell its backups', ['--output=json', 'info'], signal);
    const [found] = JSON.parse(said) as Stanza[];
    if (found !== undefined && found.backup.length + found.db.length > 0) return found;
    throw engineFailed(label, 'tell its backups', found?.status.message ?? 'no such stanza');
  };
  const list = async (context: Context): Promise<EngineBackup[]> =>
    (await stanza(context)).backup
      // Files of the server were damaged already when it was taken: nothing to rely on.
      .filter(({ error }) => error !== true)
      .map(({ label: id, info, timestamp }) => ({
        id,
        takenAt: new Date(timestamp.stop * 1_000).toISOString(),
        sizeBytes: info.size,
      }))
      .sort((a, b) => b.takenAt.localeCompare(a.takenAt));
  return {
    label,
    list,
    backUp: (context) =>
      step(context, `back up with ${label}`, async (reporter) => {
        const before = new Set((await list(context).catch(() => [])).map(({ id }) => id));
        // Waits until the write-ahead log that the backup needs is in the repository.
        await ask('take a backup', [`--type=${options.type ?? 'incr'}`, 'backup'], context.signal);
        const made = (await list(context)).find(({ id }) => !before.has(id));
        if (made === undefined)
          throw engineFailed(label, 'take a backup', 'pages with wrong checksums are in it');
        reporter.summary(`${made.id}, ${formatBytes(made.sizeBytes ?? 0)}`);
        return made;
      }),
    startCopy: (context, { backup, at }) =>
      step(context, `start a copy of ${backup.id}`, async (reporter) => {
        const known = await stanza(context);
        const wanted = known.backup.find(({ label: id }) => id === backup.id);
        const version = known.db.find(({ id }) => id === wanted?.database.id)?.version;
        if (version === undefined) throw noSuchBackup(label, backup.id);
        const server = await means.startRestored(context, {
          purpose: 'proof',
          major: Number.parseInt(version, 10),
          sizeBytes: backup.sizeBytes ?? 0,
          fill: async (folder) => {
            reporter.progress('restoring the files');
            const args = restoreArguments(folder, backup.id, at);
            await ask('restore', args, context.signal);
            reporter.progress('replaying the log');
          },
        });
        const { database, user = 'postgres' } = means.live;
        return { address: server.address(database, user), stop: () => server.stop() };
      }),
  };
}

function restoreArguments(folder: string, set: string, at: Date | undefined): string[] {
  return [
    `--pg1-path=${join(folder, 'data')}`,
    `--set=${set}`,
    // Tablespaces of the live server are at their paths on this machine, perhaps: never there.
    `--tablespace-map-all=${join(folder, 'tablespaces')}`,
    '--archive-mode=off',
    ...(at === undefined
      ? ['--type=immediate']
      : ['--type=time', `--target=${at.toISOString().replace('T', ' ').replace('Z', '+00')}`]),
    '--target-action=promote',
    'restore',
  ];
}

function noSuchBackup(label: string, id: string): Failure {
  return new Failure({
    code: 'engine/no-such-backup',
    message: `${label} has no backup ${id}`,
    hint: 'Choose one that `pgbackrest info` lists.',
  });
}
