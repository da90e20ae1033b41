// Starts the server process of a sandbox under its watchdog and waits until it takes connections.

import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { Failure } from '../core/failure.ts';
import { startBackground } from '../core/process.ts';
import { type Installation, programPath } from '../postgres/programs.ts';
import type { ServerAccount } from './account.ts';
import watchdog from './watchdog.sh';

/** A server process that takes connections. */
export interface ServerProcess {
  /** Ends it at once, without a checkpoint; resolves when it and its folder are gone. */
  stop(): Promise<void>;
  /** Lets it live on when this process ends. */
  keep(): Promise<void>;
}

const pollMs = 3;

/** What is started. */
export interface Launch {
  readonly installation: Installation;
  /** Holds the data directory, `data`. */
  readonly folder: string;
  /** Arguments of `postgres`. */
  readonly settings: readonly string[];
  readonly account: ServerAccount;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Starts the server.
 *
 * @throws `sandbox/not-started` with the end of the server's log
 */
export async function launch(options: Launch): Promise<ServerProcess> {
  const { folder, account, env } = options;
  const data = join(folder, 'data');
  // Read through this handle: when the server ends, its watchdog removes the file with the folder.
  await using log = await open(join(folder, 'log'), 'wx+');
  const server = [programPath(options.installation, 'postgres'), '-D', data, ...options.settings];
  const child = await startBackground('/bin/sh', ['-c', watchdog, 'sh', folder, ...server], {
    ...account,
    cwd: folder,
    env,
    // The first is the pipe to the watchdog: the server lives as long as it is open.
    stdio: ['pipe', log.fd, log.fd],
  });
  let hasEnded = false;
  void child.ended.then(() => {
    hasEnded = true;
  });
  while (!(await isReady(data))) {
    if (hasEnded) throw notStarted(await textOf(log));
    await systemClock.sleep(pollMs);
  }
  return { stop: () => child.endInput(), keep: () => child.leaveWith('keep') };
}

// The eighth line of the file is the state of the server (pidfile.h in its sources).
async function isReady(data: string): Promise<boolean> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  return text.split('\n')[7]?.trim() === 'ready';
}

async function textOf(log: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await log.read({ position: 0 });
  return buffer.toString('utf8', 0, bytesRead);
}

function notStarted(log: string): Failure {
  const said = log.trim().split('\n').slice(-6).join('\n');
  return new Failure({
    code: 'sandbox/not-started',
    message: `a throw-away server did not start: ${said}`,
    hint: 'Read what the server said, correct it, then type the same command again.',
    // Another program took the port in the moment between its choice and its use.
    details: { log: said, portTaken: said.includes('could not create any TCP/IP sockets') },
  });
}
