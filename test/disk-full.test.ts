// A disk that is full, of this machine and of the server: each command that writes ends with a failure that
// has a name, leaves nothing that looks good, and works when there is room again.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import {
  type CommandProject,
  commandProject,
  drydockJson,
  type ExpectedFailure,
  expectFailure,
  filesIn,
  lastEntry,
} from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { noSmallDisk, type SmallDisk, smallDisk } from './small-disk.ts';

let database: TestDatabase;
let project: CommandProject;
let disk: SmallDisk | undefined;

beforeEach(async () => {
  database = await testDatabase({
    sql: 'CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users SELECT generate_series(1, 100)',
  });
  project = await commandProject({
    databases: { staging: database.address.connectionString() },
    rules: { staging: { confirm: 'never' } },
  });
});

afterEach(async () => {
  await disk?.[Symbol.asyncDispose]();
  disk = undefined;
  await project[Symbol.asyncDispose]();
  await database.drop();
});

async function diskAt(context: TestContext, folder: string, size = '4m'): Promise<SmallDisk> {
  disk = await smallDisk(join(project.folder, folder), size);
  return disk ?? context.skip(noSmallDisk);
}

/** Fails on the full disk as expected and leaves no file; then there is room, and it works. */
async function failsAndThenWorks(
  full: SmallDisk,
  args: readonly string[],
  expected: ExpectedFailure & { readonly then?: number },
): Promise<void> {
  await full.fill();
  const before = await filesIn(project);
  await expectFailure(project, args, expected);
  expect(await filesIn(project)).toEqual(before);
  await full.clear();
  const { exit, failure, stderr } = await drydockJson(project, args);
  expect({ exit, failure }, stderr).toEqual({ exit: expected.then ?? 0, failure: null });
}

const cannotWrite = { exit: 2, code: 'usage/cannot-write', hint: 'df -h' } as const;

describe('the disk of the project is full', () => {
  it('for a new migration', async (context) => {
    const full = await diskAt(context, 'migrations');
    await failsAndThenWorks(full, ['new', 'add age'], {
      ...cannotWrite,
      names: ['001_add_age.sql', 'the disk is full'],
    });
  });

  it('for the files of init', async (context) => {
    const full = await diskAt(context, 'fresh');
    await full.fill();
    const init = (): Promise<{ exitCode: number; stderr: string }> =>
      project.sh('cd fresh && ../node_modules/.bin/drydock init');
    const { exitCode, stderr } = await init();
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('usage/cannot-write'),
    });
    const empty = await project.sh('find fresh -type f -empty');
    expect(empty.stdout).toBe('');
    await full.clear();
    expect((await init()).exitCode).toBe(0);
  });

  it('for a migration that is to be mended, which stays as it was', async (context) => {
    const full = await diskAt(context, 'migrations');
    const sql = 'CREATE INDEX users_name ON users (name);\n';
    await project.write('migrations/001_index.sql', sql);
    await failsAndThenWorks(full, ['check', '--fix'], {
      ...cannotWrite,
      names: ['001_index.sql'],
    });
    expect(await readFile(join(project.folder, 'migrations/001_index.sql'), 'utf8')).not.toBe(sql);
  });

  it('for the page and the way back of a rehearsal', async (context) => {
    const full = await diskAt(context, 'reports');
    await project.write('migrations/001_age.sql', 'ALTER TABLE users ADD COLUMN age int;\n');
    for (const [flag, file] of [
      ['--html', 'reports/page.html'],
      ['--way-back', 'reports/back.sql'],
    ] as const) {
      const args = ['rehearse', 'staging', '--from', 'schema', flag, file];
      await failsAndThenWorks(full, args, { ...cannotWrite, names: [file] });
    }
  });

  it('for a file of evidence', async (context) => {
    const full = await diskAt(context, 'out');
    await project.sh('ssh-keygen -q -t ed25519 -N "" -f key');
    await drydockJson(project, ['adopt', 'staging', '--reason', 'x']);
    const args = ['evidence', 'export', 'staging', '-o', 'out/evidence.json', '--key', 'key'];
    await failsAndThenWorks(full, args, { ...cannotWrite, names: ['out/evidence.json'] });
  });
});

describe('the disk of the backups is full', () => {
  const noSpace = { exit: 6, code: 'backup/no-space', names: ['backups'], hint: 'df -h' } as const;

  it('for a backup', async (context) => {
    const full = await diskAt(context, 'backups', '16m');
    await drydockJson(project, ['backup', 'staging']);
    await failsAndThenWorks(full, ['backup', 'staging'], noSpace);
  });

  it('for the record of a proof, and the backup is not proven', async (context) => {
    const full = await diskAt(context, 'backups', '16m');
    await drydockJson(project, ['backup', 'staging']);
    await failsAndThenWorks(full, ['prove', 'staging'], noSpace);
  });

  it('for what a rescue needs, and nothing stays armed', async (context) => {
    const full = await diskAt(context, 'backups', '16m');
    await drydockJson(project, ['backup', 'staging']);
    await full.fill();
    await expectFailure(project, ['arm', 'staging', '--cold'], noSpace);
    await using session = await connect(database.address, { purpose: 'test' });
    expect(
      await session.query(
        `SELECT slot_name AS name FROM pg_replication_slots WHERE database = current_database()
         UNION ALL SELECT pubname FROM pg_publication`,
      ),
    ).toEqual([]);
    await full.clear();
    expect((await drydockJson(project, ['arm', 'staging', '--cold'])).exit).toBe(0);
    expect((await drydockJson(project, ['disarm', 'staging'])).exit).toBe(0);
  });

  it('for a prune, which needs no room there', async (context) => {
    await using old = await commandProject({
      databases: { staging: database.address.connectionString() },
      rules: { staging: { backups: { keep: '0s' } } },
    });
    const full = await smallDisk(join(old.folder, 'backups'), '16m');
    if (full === undefined) return context.skip(noSmallDisk);
    await using _ = full;
    await drydockJson(old, ['backup', 'staging']);
    await drydockJson(old, ['backup', 'staging']);
    await drydockJson(old, ['prove', 'staging']);
    await full.fill();
    const { data, failure } = await drydockJson(old, ['prune', 'staging', '--yes']);
    expect(failure).toBeNull();
    expect(data.report).toMatchObject({ trashed: [expect.stringMatching(/^pre_migration_/)] });
    const { data: left } = await drydockJson(old, ['backups', 'staging']);
    expect(left.backups).toHaveLength(1);
  });

  it('for a restore, which needs no room there', async (context) => {
    const full = await diskAt(context, 'backups', '16m');
    await drydockJson(project, ['backup', 'staging']);
    await full.fill();
    const { database: name } = database.address;
    const restored = await drydockJson(project, [
      ...['restore', 'staging', '--yes', '--confirm', name],
    ]);
    expect(restored.failure).toBeNull();
    const dropped = await drydockJson(project, [
      ...['drop-broken', 'staging', '--confirm', restored.data.broken],
    ]);
    expect(dropped.exit).toBe(0);
  });

  it('for salvaged rows, and no half of a file is left', async (context) => {
    const { database: name } = database.address;
    await drydockJson(project, ['backup', 'staging']);
    await using session = await connect(database.address, { purpose: 'test' });
    await session.execute(
      "INSERT INTO users SELECT n, repeat('x', 400) FROM generate_series(101, 6000) n",
    );
    await session.close();
    const restored = await drydockJson(project, [
      ...['restore', 'staging', '--yes', '--confirm', name],
    ]);
    const full = await diskAt(context, 'salvage', '1m');
    await expectFailure(project, ['salvage', 'staging', '--to', 'salvage/rows'], {
      ...cannotWrite,
      names: ['salvage/rows'],
    });
    expect((await project.sh('find salvage -type f')).stdout).toBe('');
    await full[Symbol.asyncDispose]();
    disk = undefined;
    const { exit } = await drydockJson(project, ['salvage', 'staging', '--to', 'salvage/rows']);
    expect(exit).toBe(0);
    await drydockJson(project, ['drop-broken', 'staging', '--confirm', restored.data.broken]);
  });
});

it('a full disk of the backups stops an apply of a guarded environment before it begins', async (context) => {
  await using guarded = await commandProject({
    databases: { production: database.address.connectionString() },
    rules: { production: { guarded: true, confirm: 'never' } },
    migrations: { '001_age.sql': 'ALTER TABLE users ADD COLUMN IF NOT EXISTS age int;\n' },
  });
  const full = await smallDisk(join(guarded.folder, 'backups'), '1m');
  if (full === undefined) context.skip(noSmallDisk);
  await using _ = full as SmallDisk;
  await (full as SmallDisk).fill();
  const { data, exit } = await drydockJson(guarded, ['apply', 'production', '--yes']);
  expect(exit).toBe(5);
  const closed = data.gates.filter((gate: { state: string }) => gate.state === 'closed');
  expect(closed.map(({ id }: { id: string }) => id)).toContain('disk-space');
  expect(await lastEntry(database.address)).toMatchObject({ phase: 'refused' });
});

describe('a full disk of the copies', () => {
  /** Runs a command on a machine whose memory for copies has that size, with what else happens there meanwhile. */
  async function inSmallPlace(
    context: TestContext,
    command: string,
    meanwhile = 'true',
  ): Promise<{ readonly exitCode: number; readonly said: string }> {
    const mounted = await project.sh('unshare -m mount -t tmpfs none /dev/shm');
    if (mounted.exitCode !== 0) context.skip(noSmallDisk);
    await project.write(
      'small-place.sh',
      `mount -t tmpfs -o size=330m,mode=1777 none /dev/shm
       (${meanwhile}) &
       node_modules/.bin/drydock ${command} 2>&1`,
    );
    const { exitCode, stdout } = await project.sh('unshare -m sh small-place.sh');
    return { exitCode, said: stdout.replace(/\s+/g, ' ') };
  }

  it('ends a proof, which says nothing of the backup then', async (context) => {
    await using session = await connect(database.address, { purpose: 'test' });
    await session.execute(`
      CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
        AS 'BEGIN PERFORM pg_sleep(0.02); RETURN $1; END';
      CREATE INDEX ON users (slow(id))`);
    await drydockJson(project, ['backup', 'staging']);
    const filler = `until ls /dev/shm/drydock-*/data/postmaster.pid; do sleep 0.02; done
      dd if=/dev/zero of=/dev/shm/filler bs=1M`;
    const { exitCode, said } = await inSmallPlace(context, 'prove staging', filler);
    expect(said).toContain('Nothing was changed. The disk on which the copy lies has no room');
    expect(said).toContain('sandbox/no-space');
    expect(exitCode).toBe(2);
    const listed = await drydockJson(project, ['backups', 'staging']);
    expect(JSON.stringify(listed.data)).not.toContain('failed');
    expect((await drydockJson(project, ['prove', 'staging'])).failure).toBeNull();
  });

  it('ends a rehearsal, which says nothing of the migration then', async (context) => {
    await drydockJson(project, ['backup', 'staging']);
    await project.write(
      'migrations/001_big.sql',
      "CREATE TABLE big AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 400000);\n",
    );
    const { exitCode, said } = await inSmallPlace(context, 'rehearse staging');
    expect(said).toContain('Nothing was changed. The disk on which the copy lies has no room');
    expect(said).toContain('set TMPDIR to a folder with more of it');
    expect(exitCode).toBe(2);
  });
});
