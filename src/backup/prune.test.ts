import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import { type TestContext, testContext, testDatabase } from '../../test/database.ts';
import { backUp } from './back-up.ts';
import { listBackups } from './backups.ts';
import { type Backup, type Manifest, writeManifest } from './manifest.ts';
import { judgeBackups, type PruneReport, prune } from './prune.ts';

const dayMs = 24 * 3_600_000;
const now = new Date('2025-10-15T12:00:00Z');
let backups: string;

beforeEach(async () => {
  backups = await mkdtemp(join(tmpdir(), 'prune-'));
});
afterEach(async () => {
  await rm(backups, { recursive: true, force: true });
});

const at = (time: Date): TestContext => {
  const context = testContext();
  return { ...context, clock: { ...context.clock, now: () => time } };
};

/** One small backup of each age, the oldest taken first, all of them said to be proven. */
async function backupsOfAge(...ages: readonly number[]): Promise<Backup[]> {
  await using database = await testDatabase({ sql: 'CREATE TABLE t (id int)' });
  const made = new Map<number, Backup>();
  for (const [index, age] of ages.toSorted((a, b) => b - a).entries()) {
    const context = at(new Date(now.getTime() - age * dayMs));
    const taken = await backUp(
      context,
      backUpOptions(database.address, backups, {
        plan: 'abc',
        folderFromBytes: index % 2 === 0 ? 0 : Infinity,
      }),
    );
    const dumpSha256 = taken.manifest.dump.sha256;
    const proof = { outcome: 'done', dumpSha256 } as unknown as Manifest['proof'];
    const manifest = { ...taken.manifest, proof };
    await writeManifest(taken.file, manifest);
    made.set(age, { ...taken, manifest });
  }
  return ages.flatMap((age) => made.get(age) ?? []);
}

async function pruning(time = now): Promise<PruneReport> {
  const place = { backups, environment: 'production' };
  const rules = { now: time, keepMs: 30 * dayMs, needed: new Set<string>() };
  const { backups: all } = await listBackups(place.backups, place.environment);
  return prune(at(time), { ...place, plan: await judgeBackups(all, rules) });
}

const names = async (): Promise<string[]> =>
  (await listBackups(backups, 'production')).backups.map(({ name }) => name);

it('old backups go to the trash with all that lies beside them, and for good a day later', async () => {
  const [young, old, older] = await backupsOfAge(1, 31, 40);
  const report = await pruning();
  expect(report).toMatchObject({ trashed: [old?.name, older?.name] });
  expect(await names()).toEqual([young?.name]);
  expect((await listBackups(backups, 'production')).incomplete).toEqual([]);
  expect((await readdir(report.trash ?? '')).sort()).toEqual(
    [old, older]
      .flatMap((backup) =>
        ['', '.globals.sql', '.manifest.copy.json', '.manifest.json'].map(
          (end) => `${backup?.name}${end}`,
        ),
      )
      .sort(),
  );
  await pruning(new Date(now.getTime() + dayMs));
  expect(await readdir(join(backups, 'production', '.trash'))).toHaveLength(1);
  await pruning(new Date(now.getTime() + dayMs + 1));
  expect(await readdir(join(backups, 'production', '.trash'))).toEqual([]);
});

it('what a killed run has not moved yet follows its dump, and no other one', async () => {
  const [young, old] = await backupsOfAge(1, 31);
  const trash = join(backups, 'production', '.trash', String(now.getTime()));
  await mkdir(trash, { recursive: true });
  await rename(old?.file ?? '', join(trash, old?.name ?? ''));
  expect((await listBackups(backups, 'production')).incomplete).toHaveLength(2);
  await pruning();
  expect(await listBackups(backups, 'production')).toMatchObject({
    backups: [{ name: young?.name }],
    incomplete: [],
  });
  expect(await readdir(trash)).toHaveLength(4);
});

it('one with a file .keep beside it stays', async () => {
  const [young, old] = await backupsOfAge(1, 31);
  await writeFile(`${old?.file}.keep`, '');
  expect(await pruning()).toMatchObject({ trashed: [], trash: null });
  expect(await names()).toEqual([young?.name, old?.name]);
});

it('nothing goes when the backup that stays is no longer the one that was proven', async () => {
  const [old, young] = await backupsOfAge(31, 1);
  const bytes = await readFile(young?.file ?? '');
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await writeFile(young?.file ?? '', bytes);
  await expect(pruning()).rejects.toMatchObject({ code: 'backup/file-changed' });
  expect(await names()).toEqual([young?.name, old?.name]);
});

it('what is no backup is neither counted nor touched', async () => {
  const [only] = await backupsOfAge(31);
  await writeFile(join(backups, 'production', 'by_hand.dump'), 'who knows');
  expect(await pruning()).toMatchObject({ trashed: [] });
  expect(await names()).toEqual([only?.name]);
  expect(await readdir(join(backups, 'production'))).toContain('by_hand.dump');
});
