// `drydock demo --keep`, as in the README: the whole story, then Ctrl-C. And Ctrl-C in the middle of it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from '../src/core/process.ts';
import { places } from '../src/sandbox/folder.ts';
import { withoutDatabases } from './command.ts';
import { installedModules } from './package.ts';

let folder: string;
let demo: ChildProcess;
let screen: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-'));
  const program = join(await installedModules(), '.bin', 'drydock');
  // Beside a demo that a person plays on this machine.
  const env = { ...withoutDatabases(process.env), TMPDIR: folder };
  demo = spawn(program, ['demo', '--keep'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  screen = '';
  for (const stream of [demo.stdout, demo.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      screen += stripVTControlCharacters(text);
    });
  }
});

afterEach(async () => {
  demo.kill('SIGKILL');
  await rm(folder, { recursive: true, maxRetries: 10 });
});

async function untilSaid(text: string): Promise<void> {
  await expect
    .poll(() => screen.includes(text) || demo.exitCode !== null, { timeout: 540_000 })
    .toBe(true);
  expect(screen).toContain(text);
}

/** Presses Ctrl-C and returns the exit status. */
async function stop(): Promise<unknown> {
  const ended = once(demo, 'close');
  demo.kill('SIGINT');
  return (await ended)[0];
}

/** What the demo has left running: programs of its folder, and throw-away servers of its own. */
async function leftRunning(): Promise<string[]> {
  const { stdout } = await run('pgrep', ['-f', folder]);
  const sandboxes = await Promise.all(places().map(({ path }) => readdir(path).catch(() => [])));
  const own = sandboxes.flat().filter((name) => name.includes(`-${demo.pid}-`));
  return [...stdout.split('\n').filter(Boolean), ...own];
}

it('tells the whole story without losing a write, and leaves nothing running after Ctrl-C', {
  timeout: 600_000,
}, async () => {
  await untilSaid('Everything runs on until you press Ctrl-C');
  expect(screen).toContain(`kill ${demo.pid}`);
  const table = screen.slice(screen.lastIndexOf('what happened'));
  expect(table).toMatch(/apply 008 to production +\S.* in force/);
  expect(table).toMatch(/deploy 009: production is ill +\S.* 503/);
  expect(table).toMatch(/restore it beside, and swap +\S.* writes paused for/);
  expect(table).toMatch(/count the writes of users +\S.* \d+ acknowledged, [1-9]\d* missing/);
  expect(table).toMatch(/count them once more +\S.* \d+ acknowledged, 0 missing/);
  const health = /curl (\S+)$/m.exec(screen)?.[1] ?? '';
  expect((await fetch(health, { headers: { connection: 'close' } })).status).toBe(200);

  expect(await stop()).toBe(0);
  expect(await leftRunning()).toEqual([]);
});

it('stopped by Ctrl-C before the curtain rises, leaves nothing running', {
  timeout: 600_000,
}, async () => {
  await untilSaid('✓ take teacher mode out of the copy');
  expect(await stop()).toBe(130);
  expect(screen).toContain('✗ Nothing was changed.');
  expect(await leftRunning()).toEqual([]);
});
