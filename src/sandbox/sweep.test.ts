import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { testContext } from '../../test/database.ts';
import { startServerOwner } from '../../test/server-owner.ts';
import { startBackground } from '../core/process.ts';
import { connect } from '../postgres/connect.ts';
import { serverAccount } from './account.ts';
import { markKept } from './kept.ts';
import { ownerMark } from './owner.ts';
import { startServer } from './server.ts';
import { dropKept, sweepLeftovers } from './sweep.ts';

const account = serverAccount();
const purpose = 'test';
// Only root may start a process of another user, or give a folder to one.
const isRoot = process.getuid?.() === 0;
// Where the test finds the processes to kill.
const hasProc = existsSync('/proc/self/stat');

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await setTimeout(10);
}

/** A folder as this process would make it for a server, with another mark. */
async function folderMarked(mark: string): Promise<string> {
  return await mkdtemp(join(tmpdir(), `drydock-${mark}-`));
}

async function markOfTheDead(): Promise<string> {
  const child = await startBackground('true', []);
  await child.ended;
  return (await ownerMark()).replace(`-${process.pid}-`, `-${child.pid}-`);
}

describe('when the process that owns a server is killed', () => {
  it('its server and its folder go with it', async () => {
    await using owner = await startServerOwner();
    await using database = await connect(owner.address, { purpose });
    process.kill(owner.pid, 'SIGKILL');
    await until(() => !existsSync(owner.folder));
    await expect(database.query('SELECT 1')).rejects.toMatchObject({
      code: expect.stringMatching(/^postgres\//),
    });
  });

  it.skipIf(!isRoot)('the same is true for an ordinary user without a home', async () => {
    const TMPDIR = await mkdtemp(join(tmpdir(), 'drydock-test-'));
    await chmod(TMPDIR, 0o777);
    const nobody = { uid: 65_534, gid: 65_534, env: { PATH: process.env.PATH, TMPDIR } };
    await using owner = await startServerOwner(nobody);
    await using database = await connect(owner.address, { purpose });
    expect(await database.one('SELECT current_user::text AS name')).toEqual({ name: 'postgres' });
    process.kill(owner.pid, 'SIGKILL');
    await until(() => !existsSync(owner.folder));
    await rm(TMPDIR, { recursive: true });
  });

  it.skipIf(!hasProc)(
    'together with its watchdog, the next sweep ends the server and removes the folder',
    async () => {
      await using owner = await startServerOwner();
      await using database = await connect(owner.address, { purpose });
      for (const pid of watchdogsOf(database.pid)) process.kill(pid, 'SIGKILL');
      process.kill(owner.pid, 'SIGKILL');
      await until(async () => {
        await sweepLeftovers(account);
        return !existsSync(owner.folder);
      });
      await until(() =>
        database.query('SELECT 1').then(
          () => false,
          () => true,
        ),
      );
    },
  );
});

/** The watchdog of a server, given one of its backends, and the watchdog's own child that watches. */
function watchdogsOf(backend: number): number[] {
  const watchdog = parentOf(parentOf(backend));
  const children = readdirSync('/proc').filter((pid) => parentOf(pid) === watchdog);
  return [watchdog, ...children.filter((pid) => programOf(pid) === 'sh')].map(Number);
}

function programOf(pid: string): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

// The fourth field of proc(5) stat; the second, in brackets, may hold spaces.
function parentOf(pid: string | number | undefined): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[1];
  } catch {
    // No process, or one that has ended.
    return undefined;
  }
}

describe('a sweep', () => {
  it('removes the folder of a process that is dead', async () => {
    const folder = await folderMarked(await markOfTheDead());
    await sweepLeftovers(account);
    expect(existsSync(folder)).toBe(false);
  });

  it('removes the folder of an earlier process with the id of a living one', async () => {
    const folder = await folderMarked((await ownerMark()).replace(/-\w+$/, '-1'));
    await sweepLeftovers(account);
    expect(existsSync(folder)).toBe(false);
  });

  it('leaves the server of a living process alone', async () => {
    await using server = await startServer(testContext(), { purpose });
    await sweepLeftovers(account);
    expect(existsSync(server.folder)).toBe(true);
    await using database = await connect(server.address('postgres'), { purpose });
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('leaves folders of another container alone, unless they are older than this start of the machine', async () => {
    const mark = (await markOfTheDead()).replace(/^(\d+)-\d+/, '$1-1234567');
    const folder = await folderMarked(mark);
    await sweepLeftovers(account);
    expect(existsSync(folder)).toBe(true);
    await utimes(folder, 0, 0);
    await sweepLeftovers(account);
    expect(existsSync(folder)).toBe(false);
  });

  it('leaves folders of another user alone', async () => {
    const folder = await folderMarked((await markOfTheDead()).replace(/^\d+/, '4242'));
    await sweepLeftovers(account);
    expect(existsSync(folder)).toBe(true);
    await rm(folder, { recursive: true });
  });

  it.skipIf(!isRoot)(
    'leaves a folder alone that another user made in the name of this one',
    async () => {
      const folder = await folderMarked(await markOfTheDead());
      await chown(folder, 4_242, 4_242);
      await sweepLeftovers(account);
      expect(existsSync(folder)).toBe(true);
      await rm(folder, { recursive: true });
    },
  );

  it('leaves folders with any other name alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drydock-'));
    await sweepLeftovers(account);
    expect(existsSync(folder)).toBe(true);
    await rm(folder, { recursive: true });
  });

  it('leaves a server alone that was kept, for a day', async () => {
    const folder = await folderMarked(await markOfTheDead());
    await markKept(folder);
    await sweepLeftovers(account);
    expect(existsSync(folder)).toBe(true);
    await utimes(join(folder, 'kept'), 0, 0);
    await sweepLeftovers(account);
    expect(existsSync(folder)).toBe(false);
  });
});

it('dropping what was kept removes it, and nothing else', async () => {
  const kept = await folderMarked(await markOfTheDead());
  await markKept(kept);
  await using server = await startServer(testContext(), { purpose });
  expect(await dropKept(account)).toBeGreaterThan(0);
  expect([existsSync(kept), existsSync(server.folder)]).toEqual([false, true]);
});
