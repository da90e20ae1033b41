// The example's deploy command, and the second act of its story, on real processes.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive } from '../src/core/process.ts';
import { connect } from '../src/postgres/connect.ts';
import type { TestDatabase } from './database.ts';
import { type ExampleCopy, exampleCopy, exampleDatabase, exampleFolder } from './example.ts';

let database: TestDatabase;
let app: ExampleCopy;

beforeEach(async () => {
  database = await exampleDatabase('008');
  app = await exampleCopy(database);
});

afterEach(async () => {
  await app[Symbol.asyncDispose]();
  await database.drop();
});

const release = (commit = '') =>
  app.run('./scripts/release.sh', ['production'], { DRYDOCK_RELEASE: commit });
const releaseInForce = async () => (await app.ask('/api/health')).body.release;
const recordPath = () => join(app.folder, '.releases', 'production', 'instance.json');
const recordedPid = async (): Promise<number> =>
  JSON.parse(await readFile(recordPath(), 'utf8')).pid;

async function change(file: string, edit: (text: string) => string): Promise<void> {
  const path = join(app.folder, file);
  await writeFile(path, edit(await readFile(path, 'utf8')));
}

describe('release.sh', () => {
  it('replaces the version under traffic, and goes back, without a failed request', async () => {
    const first = await app.commit('One');
    expect(await release()).toMatchObject({ exitCode: 0 });
    await app.run('npm', ['run', '-s', 'seed', '--', '--users', '100']);
    await change('src/app.ts', (text) => `${text}// another version\n`);
    const second = await app.commit('Two');

    const traffic = app.run('node', [
      ...['--import', 'jiti/register', 'scripts/traffic.ts', '--url', app.address],
      ...['--users', '100', '--seconds', '8', '--pause-ms', '5'],
    ]);
    expect(await release()).toMatchObject({ exitCode: 0 });
    expect(await releaseInForce()).toBe(second);
    expect(await release(first)).toMatchObject({ exitCode: 0 });
    expect(await releaseInForce()).toBe(first);
    expect(JSON.parse((await traffic).stdout)).toMatchObject({ failures: 0 });
  });

  it('leaves the running version alone when the new one does not start', async () => {
    const good = await app.commit('Good');
    await release();
    await change('src/app.ts', (text) => `${text}throw new Error('broken');\n`);
    await app.commit('Broken');
    const { exitCode, stderr } = await release();
    expect(exitCode).toBe(1);
    expect(stderr).toContain('does not start');
    expect(await releaseInForce()).toBe(good);
  });

  it('brings the version before back when the new one ends on the way', async () => {
    const good = await app.commit('Good');
    await release();
    await change('src/server.ts', (text) =>
      text.replace('await listenWhenFree', "throw new Error('broken');\nawait listenWhenFree"),
    );
    await app.commit('Broken');
    expect(await release()).toMatchObject({ exitCode: 1 });
    await expect.poll(releaseInForce, { timeout: 5_000 }).toBe(good);
  });

  it('believes no record whose process is somebody else', async () => {
    const commit = await app.commit('One');
    await release();
    await app.run('./scripts/stop.sh', ['production']);
    await writeFile(recordPath(), JSON.stringify({ pid: process.pid, commit }));
    expect(await release()).toMatchObject({ exitCode: 0 });
    expect(isAlive(process.pid)).toBe(true);
    expect(await recordedPid()).not.toBe(process.pid);
  });

  it('lets one of two win when they start at once', async () => {
    const commit = await app.commit('One');
    const results = await Promise.all([release(), release()]);
    expect(results.map(({ exitCode }) => exitCode).toSorted((a, b) => a - b)).toEqual([0, 1]);
    expect(results.map(({ stderr }) => stderr).join('')).toContain('is under way');
    expect(await releaseInForce()).toBe(commit);
  });

  it('says what is missing', async () => {
    await app.commit('One');
    const ask = async (...args: string[]) => (await app.run('./scripts/release.sh', args)).stderr;
    expect(await ask()).toContain('name an environment');
    expect(await ask('qa')).toContain('set QA_DATABASE_URL');
    expect((await release('no-such-commit')).stderr).toContain('no-such-commit');
  });
});

it('stop.sh ends the application, and is content when nothing runs', async () => {
  await app.commit('One');
  await release();
  const stop = () => app.run('./scripts/stop.sh', ['production']);
  expect((await stop()).stdout).toContain('stopped');
  await expect(app.ask('/api/health')).rejects.toThrow();
  expect(await stop()).toMatchObject({ exitCode: 0, stdout: 'production: nothing was running\n' });
});

describe('the story', () => {
  const health = () => app.ask('/api/health/detailed');

  it('begins with a version without teacher mode, which runs before and after 008', async () => {
    await app.run('sh', [join(exampleFolder, 'demo', 'before-teacher-mode.sh'), app.folder]);
    await app.commit('Before teacher mode');
    await release();
    expect((await health()).body).toMatchObject({
      status: 'healthy',
      checks: { ledger: { version: '008', requires: '007' } },
    });
    expect((await app.ask('/api/teachers/anna')).status).toBe(404);
  });

  it('ends with a migration that passes where there are no schools and breaks production', async () => {
    const before = await app.commit('Teacher mode');
    await release();
    await app.run('npm', ['run', '-s', 'seed', '--', '--users', '100', '--without-schools']);
    await app.run('cp', ['-R', `${exampleFolder}/demo/merge-tiers/.`, app.folder]);
    const after = await app.commit('Merge the premium tiers');

    await migrateTo009();
    await release(after);
    expect(await health()).toMatchObject({ status: 200 });

    await release(before);
    await app.run('npm', ['run', '-s', 'seed', '--', '--users', '200']);
    await migrateTo009();
    // The code before takes a user without a tier for a basic one: nobody sees the damage yet.
    expect(await health()).toMatchObject({ status: 200 });
    await release(after);
    expect(await health()).toMatchObject({
      status: 503,
      body: {
        checks: {
          'premium tiers': { message: '10 users have a tier that this code does not know' },
        },
      },
    });
  });

  async function migrateTo009(): Promise<void> {
    await using session = await connect(database.address, { purpose: 'test' });
    const file = join(app.folder, 'migrations', '009_merge_premium_tiers.sql');
    await session.execute(await readFile(file, 'utf8'));
    await session.execute(
      `INSERT INTO drydock.ledger SELECT '009', '009', '', '', 'complete', 1, 1, now(), 'test', 1
       ON CONFLICT DO NOTHING`,
    );
  }
});
