// A process of its own that owns a throw-away server, so that a test can kill it.

import { chmod, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { startBackground } from '../src/core/process.ts';
import { Address } from '../src/postgres/address.ts';

/** The process, and the server that it started. */
export interface ServerOwner extends AsyncDisposable {
  readonly pid: number;
  readonly folder: string;
  readonly address: Address;
  /** `kill -9`. */
  kill(): Promise<void>;
}

/** How the process is run. */
export interface OwnerOptions {
  readonly major?: number;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
}

/** Starts a process that starts a server, and waits until the server runs. */
export async function startServerOwner(options: OwnerOptions = {}): Promise<ServerOwner> {
  const { major, ...running } = options;
  const folder = await mkdtemp(join(tmpdir(), 'drydock-test-'));
  // The process may run as another user.
  await chmod(folder, 0o755);
  const script = join(folder, 'server-owner.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('fixtures/server-owner.ts', import.meta.url))],
    outfile: script,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    loader: { '.sh': 'text' },
  });
  const output = await open(join(folder, 'output'), 'w');
  const args = [script, ...(major === undefined ? [] : [String(major)])];
  const child = await startBackground(process.execPath, args, {
    cwd: folder,
    ...running,
    stdio: ['ignore', output.fd, output.fd],
  });
  await output.close();
  const kill = async (): Promise<void> => {
    await child.stop(0);
    await rm(folder, { recursive: true, force: true });
  };
  let said = '';
  let hasEnded = false;
  void child.ended.then(() => {
    hasEnded = true;
  });
  while (!said.endsWith('\n') && !hasEnded) {
    await setTimeout(10);
    said = await readFile(join(folder, 'output'), 'utf8');
  }
  const answer = said.startsWith('{"folder"')
    ? (JSON.parse(said) as { folder: string; uri: string })
    : undefined;
  if (answer === undefined) {
    await kill();
    throw new Error(`the process started no server: ${said}`);
  }
  const address = Address.parse(answer.uri);
  return { pid: child.pid, folder: answer.folder, address, kill, [Symbol.asyncDispose]: kill };
}
