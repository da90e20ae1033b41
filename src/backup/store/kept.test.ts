// Backups in stores, for real: taken, kept, spoiled, brought back, opened by age and pg_restore alone.

import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUpOptions } from '../../../test/backups.ts';
import { type TestDatabase, testContext, testDatabase } from '../../../test/database.ts';
import { canonicalJson, sha256 } from '../../core/digest.ts';
import { run } from '../../core/process.ts';
import { verifyArchive } from '../../postgres/archive.ts';
import { connect } from '../../postgres/connect.ts';
import { clientFor, programPath } from '../../postgres/programs.ts';
import { backUp } from '../back-up.ts';
import { backupFolder } from '../backups.ts';
import type { Backup } from '../manifest.ts';
import { decryptFile, encryptFile } from './age.ts';
import { withKept } from './bring-back.ts';
import { type Encryption, keepBackup } from './keep.ts';
import {
  forgetKept,
  type Keeping,
  type KeptBackup,
  listKept,
  sweepLoose,
  writeKept,
} from './kept.ts';
import { localStore } from './local.ts';

let folder: string;
let database: TestDatabase;
let backups: string;
let asFile: Backup;
let asFolder: Backup;
let mine: Encryption;
let others: Encryption;

const hasAge = await run('age', ['--version']).then(
  () => true,
  () => false,
);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kept-'));
  backups = join(folder, 'backups');
  database = await testDatabase({
    sql: `CREATE TABLE pupils AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 5000) n;
          CREATE TABLE marks AS SELECT n AS id, n % 6 AS mark FROM generate_series(1, 5000) n`,
  });
  asFile = await take({});
  asFolder = await take({ folderFromBytes: 0 });
  mine = await key('mine');
  others = await key('others');
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

async function take(how: { folderFromBytes?: number }): Promise<Backup> {
  return await backUp(testContext(), backUpOptions(database.address, backups, how));
}

async function key(name: string): Promise<Encryption> {
  const identity = await generateX25519Identity();
  const identityFile = join(folder, `${name}.txt`);
  await writeFile(identityFile, `# a key\n${identity}\n`);
  return { recipients: [await identityToRecipient(identity)], identityFile };
}

function place(name: string): Keeping {
  return { store: localStore(join(folder, name)), environment: 'production' };
}

async function bringBack(
  where: Keeping,
  kept: KeptBackup,
  identityFile?: string,
): Promise<string[]> {
  return await withKept(
    testContext(),
    { ...where, kept, backups, identityFile },
    async (backup) => {
      await verifyArchive({ path: backup.file, ...backup.manifest.dump });
      return (await readdir(join(backup.file, '..'))).sort();
    },
  );
}

describe.each([
  ['one file', () => asFile],
  ['a folder', () => asFolder],
])('a backup that is %s', (_format, backup) => {
  it.each([
    ['as it is', undefined],
    ['encrypted', (): Encryption => mine],
  ])('is kept %s and comes back as it was', async (how, encryption) => {
    const where = place(`round ${how}`);
    const kept = await keepBackup(testContext(), {
      ...where,
      backup: backup(),
      encryption: encryption?.(),
    });
    const list = await listKept(where);
    expect(list.kept.find(({ name }) => name === backup().name)).toEqual(kept);
    expect([list.incomplete, list.loose]).toEqual([[], []]);
    const { name } = backup();
    expect(await bringBack(where, kept, mine.identityFile)).toEqual([
      name,
      `${name}.globals.sql`,
      `${name}.manifest.copy.json`,
      `${name}.manifest.json`,
    ]);
    const left = await readdir(backupFolder(backups, 'production'));
    expect(left.filter((each) => each.startsWith('.'))).toEqual([]);
  });

  it('says in clear text what lies there, and nothing else does when it is encrypted', async () => {
    const where = place('sealed');
    const kept = await keepBackup(testContext(), { ...where, backup: backup(), encryption: mine });
    expect(kept.encryption).toEqual({
      format: 'age',
      recipients: mine.recipients,
      decrypts: 'proven',
    });
    for (const file of kept.files) {
      const bytes = await readFile(join(folder, 'sealed', 'production', file.name));
      expect(bytes.subarray(0, 21).toString()).toBe('age-encryption.org/v1');
      expect([bytes.length, sha256(bytes)]).toEqual([file.sizeBytes, file.sha256]);
    }
  });
});

describe('a kept backup', () => {
  it('is not listed before its record, which is written last', async () => {
    const where = place('cut');
    const stop = testContext();
    const keeping = keepBackup(stop, {
      environment: 'production',
      store: {
        ...where.store,
        write: async () => {
          throw new Error('the power is gone');
        },
      },
      backup: asFile,
      encryption: undefined,
    });
    await expect(keeping).rejects.toThrow('the power is gone');
    const { kept, loose } = await listKept(where);
    expect([kept.length, loose.length]).toEqual([0, 2]);
  });

  it('can be kept again where that was cut off; what nobody keeps again is swept a day later', async () => {
    const where = place('cut');
    const day = 24 * 3_600_000;
    const { loose } = await listKept(where);
    await sweepLoose(where, { loose, before: new Date(Date.now() - day) });
    expect((await listKept(where)).loose).toHaveLength(2);
    await keepBackup(testContext(), { ...where, backup: asFile, encryption: undefined });
    expect((await listKept(where)).kept).toHaveLength(1);
    const other = place('loose');
    await other.store.put(`production/${asFile.name}`, asFile.file, {
      content: asFile.manifest.dump,
      signal: new AbortController().signal,
    });
    const late = { loose: (await listKept(other)).loose, before: new Date(Date.now() + day) };
    await sweepLoose(other, late);
    expect(await other.store.list('')).toEqual([]);
  });

  it.each([
    ['a file is missing', (path: string) => rm(path), 'is missing'],
    [
      'a file is truncated',
      async (path: string) => writeFile(path, (await readFile(path)).subarray(1)),
      'bytes instead of',
    ],
  ])('is told as incomplete when %s, and is not swept', async (name, spoil, reason) => {
    const where = place(name);
    await keepBackup(testContext(), { ...where, backup: asFile, encryption: undefined });
    await spoil(join(folder, name, 'production', asFile.name));
    const { kept, incomplete, loose } = await listKept(where);
    expect([kept, loose]).toEqual([[], []]);
    expect(incomplete[0]?.reason).toContain(reason);
  });

  it('does not come back when a byte of it was flipped, encrypted or not, and needs no key to see it', async () => {
    for (const encryption of [undefined, mine]) {
      const where = place(`flipped ${encryption === undefined}`);
      const kept = await keepBackup(testContext(), { ...where, backup: asFile, encryption });
      const path = join(where.store.label, 'production', kept.files[0]?.name ?? '');
      const bytes = await readFile(path);
      bytes[1_000] = (bytes[1_000] ?? 0) ^ 1;
      await writeFile(path, bytes);
      await expect(bringBack(where, kept, others.identityFile)).rejects.toMatchObject({
        code: 'store/file-changed',
      });
    }
  });

  it('is not believed when its record was edited, names another environment or leads out of its folder', async () => {
    const where = place('forged');
    const kept = await keepBackup(testContext(), {
      ...where,
      backup: asFile,
      encryption: undefined,
    });
    const record = `production/${kept.name}.kept.json`;
    const forge = async (forged: object, digest?: string): Promise<string | undefined> => {
      const text = { ...forged, sha256: digest ?? sha256(canonicalJson(forged)) };
      await where.store.write(record, JSON.stringify(text));
      return (await listKept(where)).incomplete[0]?.reason;
    };
    expect(await forge(kept, 'f00')).toContain('was changed');
    expect(await forge({ ...kept, kind: 'other' })).toContain('kind is unknown');
    const { manifest } = kept;
    expect(await forge({ ...kept, manifest: { ...manifest, environment: 'dev' } })).toContain(
      'dev',
    );
    const files = [{ ...kept.files[0], name: '../../../etc/passwd' }];
    expect(await forge({ ...kept, files })).toContain('names of no backup');
    await writeKept(where, kept);
    expect((await listKept(where)).kept).toHaveLength(1);
  });

  it('is forgotten with all its files', async () => {
    const where = place('forgotten');
    const kept = await keepBackup(testContext(), { ...where, backup: asFolder, encryption: mine });
    await forgetKept(where, kept);
    expect(await where.store.list('')).toEqual([]);
  });
});

describe('an encrypted backup', () => {
  it('is not kept when the key for restores does not open it', async () => {
    const where = place('wrong');
    const { recipients } = mine;
    const { identityFile } = others;
    const keeping = keepBackup(testContext(), {
      ...where,
      backup: asFile,
      encryption: { recipients, identityFile },
    });
    await expect(keeping).rejects.toMatchObject({
      code: 'encryption/wrong-key',
      message: expect.stringContaining('others.txt'),
      hint: expect.stringContaining('DRYDOCK_AGE_IDENTITY'),
    });
    expect(await where.store.list('')).toEqual([]);
  });

  it('says that no key was here to try it, and does not come back without one', async () => {
    const where = place('without');
    const encryption = { ...mine, identityFile: undefined };
    const kept = await keepBackup(testContext(), { ...where, backup: asFile, encryption });
    expect(kept.encryption?.decrypts).toBe('not-tried-without-a-key');
    await expect(bringBack(where, kept)).rejects.toMatchObject({ code: 'encryption/no-key' });
    await expect(bringBack(where, kept, others.identityFile)).rejects.toMatchObject({
      code: 'encryption/wrong-key',
    });
    const none = join(folder, 'none.txt');
    await expect(bringBack(where, kept, none)).rejects.toMatchObject({ code: 'encryption/no-key' });
  });

  // Debian's package age; the library is tested everywhere.
  it.skipIf(!hasAge)('opens without Drydock: age --decrypt | pg_restore', async () => {
    const where = place('alone');
    const kept = await keepBackup(testContext(), { ...where, backup: asFile, encryption: mine });
    await using fresh = await testDatabase();
    const file = join(folder, 'alone', 'production', kept.files[0]?.name ?? '');
    const restore = programPath(await clientFor(150_000), 'pg_restore');
    const pipe = `age --decrypt --identity "$1" "$2" | "$3" --no-owner --dbname="$4"`;
    const { exitCode, stderr } = await run(
      'sh',
      ['-c', pipe, 'sh', mine.identityFile ?? '', file, restore, fresh.address.toolArgument()],
      { env: { ...process.env, ...fresh.address.toolEnvironment() } },
    );
    expect([exitCode, stderr]).toEqual([0, '']);
    await using restored = await connect(fresh.address, { purpose: 'test' });
    const counted = 'SELECT count(*)::int AS count FROM pupils';
    expect(await restored.one(counted)).toEqual({ count: 5_000 });
  });
});

describe.each([
  ['the program', 'age'],
  ['the library', null],
  ['the library where there is no program', 'no-such-program'],
])('age by %s', (name, program) => {
  const skip = name === 'the program' && !hasAge;
  const signal = new AbortController().signal;

  it.skipIf(skip)('is read by the other one, and readable by its owner alone', async () => {
    const from = join(folder, 'plain');
    for (const text of ['', 'some text'.repeat(100_000)]) {
      await writeFile(from, text);
      const sealed = join(folder, `sealed ${name} ${text.length}`);
      await encryptFile({ from, to: sealed, recipients: mine.recipients, signal, program });
      expect((await stat(sealed)).mode & 0o777).toBe(0o600);
      const to = `${sealed}.open`;
      const identityFile = mine.identityFile ?? '';
      const other = program === 'age' ? null : 'age';
      await decryptFile({ from: sealed, to, identityFile, signal, program: other });
      expect(await readFile(to, 'utf8')).toBe(text);
    }
  });

  it.skipIf(skip)(
    'refuses a wrong key, a damaged file and a wrong recipient, and leaves nothing',
    async () => {
      const from = join(folder, 'plain');
      await writeFile(from, 'some text'.repeat(100_000));
      const sealed = join(folder, `refused ${name}`);
      await encryptFile({ from, to: sealed, recipients: mine.recipients, signal, program });
      const to = `${sealed}.open`;
      const decrypt = (file: string | undefined): Promise<void> =>
        decryptFile({ from: sealed, to, identityFile: file ?? '', signal, program });
      await expect(decrypt(others.identityFile)).rejects.toMatchObject({
        code: 'encryption/wrong-key',
      });
      const bytes = await readFile(sealed);
      bytes[500_000] = (bytes[500_000] ?? 0) ^ 1;
      await writeFile(sealed, bytes);
      await expect(decrypt(mine.identityFile)).rejects.toMatchObject({ code: 'encryption/failed' });
      await expect(stat(to)).rejects.toThrow();
      const wrong = encryptFile({ from, to, recipients: ['age1nonsense'], signal, program });
      await expect(wrong).rejects.toMatchObject({ code: 'encryption/failed' });
      await expect(stat(to)).rejects.toThrow();
    },
  );
});
