// A throw-away server on files that another program has restored: it replays what it must, and then
// is open to this process alone, whatever the original's own configuration says.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, throwIfInterrupted } from '../core/context.ts';
import { Failure } from '../core/failure.ts';
import { Address } from '../postgres/address.ts';
import { giveTo, serverAccount } from './account.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { launch } from './launch.ts';
import { serverFor } from './server-programs.ts';
import { settingArguments } from './settings.ts';
import { sweepLeftovers } from './sweep.ts';

/** What the server stands on. */
export interface RestoredOptions {
  readonly purpose: string;
  /** Of the files: no other version can read them. */
  readonly major: number;
  readonly sizeBytes: number;
  /** Fills `folder`/data as the account of throw-away servers. */
  readonly fill: (folder: string) => Promise<void>;
}

/** A running server on restored files. */
export interface RestoredServer {
  /** The address of one of its databases, by a socket that takes every role. */
  address(database: string, user: string): Address;
  /** Ends it at once and removes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts a server on restored files. It ends as every throw-away server does, with this process at
 * the latest.
 *
 * @throws `sandbox/no-server-programs`, `sandbox/no-space`, `sandbox/not-started`
 */
export async function startRestored(
  context: Context,
  { purpose, major, sizeBytes, fill }: RestoredOptions,
): Promise<RestoredServer> {
  const { signal } = context;
  const account = serverAccount();
  const installation = await serverFor(major);
  if (installation.major !== major) throw otherMajor(major);
  await sweepLeftovers(account);
  const { path: folder } = await makeFolder(account, sizeBytes);
  let stop = (): Promise<void> => removeFolder(folder, account);
  try {
    await mkdir(join(folder, 'tablespaces'), { mode: 0o700 });
    await giveTo(account, join(folder, 'tablespaces'));
    await fill(folder);
    throwIfInterrupted(signal);
    const settings = await ownSettings(folder, purpose);
    const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
    const server = await launch({ installation, folder, settings, account, env });
    stop = () => server.stop();
    signal.addEventListener('abort', () => void stop(), { once: true });
    return {
      address: (database, user) => {
        const parameters = new URLSearchParams({ host: folder, port: '5432', user });
        const name = encodeURIComponent(database);
        return Address.parse(`postgresql:///${name}?${parameters.toString()}`, {});
      },
      stop,
    };
  } catch (failure) {
    await stop();
    throw failure;
  }
}

// The original's configuration may lie elsewhere (Debian), ask for passwords, certificates, libraries
// and memory that are not here, or archive into the original's archive. What its restore wrote into
// postgresql.auto.conf is read; the arguments win over it.
async function ownSettings(folder: string, purpose: string): Promise<string[]> {
  const files = { config_file: '', hba_file: 'local all all trust\n', ident_file: '' };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), content, { mode: 0o644 });
  }
  return settingArguments({
    folder,
    purpose,
    port: 5432,
    settings: {
      ...Object.fromEntries(Object.keys(files).map((name) => [name, join(folder, name)])),
      archive_mode: 'off',
      // A server that lets readers in while it replays wants limits as large as the original's
      // (manual, 27.4.3); this one opens when it is done.
      hot_standby: 'off',
      max_prepared_transactions: '1000',
      shared_preload_libraries: '',
      shared_buffers: '128MB',
      huge_pages: 'off',
      ssl: 'off',
      logging_collector: 'off',
      log_destination: 'stderr',
    },
  });
}

function otherMajor(major: number): Failure {
  return new Failure({
    code: 'sandbox/no-server-programs',
    message: `the files of a PostgreSQL ${major} server need the programs of that very version`,
    hint: `Install the server programs of PostgreSQL ${major}, or set PGBIN to the folder that holds them.`,
  });
}
