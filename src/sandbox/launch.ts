// Starts the server process of a sandbox under its watchdog and waits until it takes connections.

import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { Failure } from '../core/failure.ts';
import { type RunOptions, startBackground } from '../core/process.ts';
import { type Installation, programPath } from '../postgres/programs.ts';
import watchdog from './watchdog.sh';

/** A server process that takes connections. */
export interface ServerProcess {
  /** Ends it at once, without a checkpoint; resolves when it and its folder are gone. */
  stop(): Promise<void>;
}

const pollMs = 3;

/**
 * Starts the server whose data directory is `folder`/data.
 *
 * @throws `sandbox/not-started` with the end of the server's log
 */
export async function launch(
  folder: string,
  installation: Installation,
  running: RunOptions,
): Promise<ServerProcess> {
  const { signal: _, ...runningWithoutSignal } = running;
  const data = join(folder, 'data');
  // Read through this handle: when the server ends, its watchdog removes the file with the folder.
  await using log = await open(join(folder, 'log'), 'w+');
  const server = [programPath(installation, 'postgres'), '-D', data];
  const child = await startBackground('/bin/sh', ['-c', watchdog, 'sh', folder, ...server], {
    ...runningWithoutSignal,
    // The first is the pipe that stays open as long as this process lives.
    stdio: ['pipe', log.fd, log.fd],
  });
  let hasEnded = false;
  const ended = child.ended.then(() => {
    hasEnded = true;
  });
  let pid = await readyPid(data);
  while (pid === undefined) {
    if (hasEnded) throw notStarted(await textOf(log));
    await systemClock.sleep(pollMs);
    pid = await readyPid(data);
  }
  const postmaster = pid;
  return {
    stop: async () => {
      if (!hasEnded) process.kill(postmaster, 'SIGQUIT');
      await ended;
    },
  };
}

// The first line of the file is the process id, the eighth the state (pidfile.h in the sources).
async function readyPid(data: string): Promise<number | undefined> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return lines[7]?.trim() === 'ready' ? Number(lines[0]) : undefined;
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
    hint: 'Read what the server said above; `drydock doctor` looks at the programs that Drydock uses.',
    // Another program took the port in the moment between its choice and its use.
    details: { log: said, portTaken: said.includes('could not create any TCP/IP sockets') },
  });
}
