import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import {
  serverAddress,
  type TestContext,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../test/database.ts';
import richDatabase from '../../test/rich-database.sql';
import { sha256 } from '../core/digest.ts';
import { startOf } from '../core/process-start.ts';
import { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { schemaFingerprint } from '../postgres/fingerprint.ts';
import { clientFor, programPath } from '../postgres/programs.ts';
import { type BackUpOptions, backUp } from './back-up.ts';
import { findBackup, listBackups } from './backups.ts';

let rich: TestDatabase;
let backups: string;

beforeAll(async () => {
  rich = await testDatabase({ sql: richDatabase });
  backups = await mkdtemp(join(tmpdir(), 'back-up-'));
});
afterAll(async () => {
  await rich.drop();
  await rm(backups, { recursive: true, force: true });
});

function optionsFor(environment: string, address: Address = rich.address): BackUpOptions {
  return backUpOptions(address, backups, {
    environment,
    reason: 'before 008_add_teacher_mode.sql',
    plan: 'abc',
    ledger: ['007'],
    gitCommit: 'f00',
  });
}

const at = (time: string, context: TestContext = testContext()): TestContext => ({
  ...context,
  clock: { ...context.clock, now: () => new Date(time) },
});

async function files(environment: string): Promise<string[]> {
  return (await readdir(join(backups, environment)).catch(() => [] as string[])).sort();
}

describe('a backup', () => {
  it('has the name of the runbook, a manifest beside it, and is readable by its owner alone', async () => {
    const backup = await backUp(at('2025-10-15T12:00:00'), optionsFor('named'));
    expect(backup.name).toBe('pre_migration_20251015_120000.dump');
    expect(await files('named')).toEqual([
      'pre_migration_20251015_120000.dump',
      'pre_migration_20251015_120000.dump.globals.sql',
      'pre_migration_20251015_120000.dump.manifest.copy.json',
      'pre_migration_20251015_120000.dump.manifest.json',
    ]);
    for (const name of await files('named')) {
      const file = join(backups, 'named', name);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
    expect((await stat(join(backups, 'named'))).mode & 0o777).toBe(0o700);
  });

  it('of a larger database is a folder of the same name, closed to others as well', async () => {
    const backup = await backUp(testContext(), { ...optionsFor('large'), folderFromBytes: 0 });
    expect((await stat(backup.file)).mode & 0o777).toBe(0o700);
    const { files: written, sizeBytes, format } = backup.manifest.dump;
    expect(format).toBe('folder');
    expect(written.map(({ name }) => name)).toEqual((await readdir(backup.file)).sort());
    expect(sizeBytes).toBe(written.reduce((sum, file) => sum + file.sizeBytes, 0));
    for (const { name } of written)
      expect((await stat(join(backup.file, name))).mode & 0o777).toBe(0o600);
    const list = await listBackups(backups, 'large');
    expect(list).toEqual({ backups: [backup], incomplete: [], damaged: [] });
    for (const wanted of [backup.file, `${backup.file}/`, backup.name, 'latest'])
      expect(await findBackup({ backups, environment: 'large', wanted, from: [] })).toEqual(backup);
  });

  it('has the roles of the server and the settings of the database beside it, without passwords', async () => {
    const sql = (name: string): string =>
      `CREATE ROLE "Group ${name}"; CREATE ROLE "member ${name}" LOGIN PASSWORD 'secret' IN ROLE "Group ${name}";
       ALTER DATABASE "${name}" SET timezone = 'Asia/Tokyo'; ALTER ROLE "Group ${name}" IN DATABASE "${name}" SET jit = off`;
    const set = await testDatabase();
    const { database: name } = set.address;
    await using server = await connect(serverAddress(), { purpose: 'test' });
    await server.execute(sql(name));
    const { file, manifest } = await backUp(testContext(), optionsFor('globals', set.address));
    const text = await readFile(`${file}.globals.sql`, 'utf8');
    await set.drop();
    await server.execute(`DROP ROLE "member ${name}", "Group ${name}"`);
    for (const line of [
      `CREATE ROLE "member ${name}";`,
      `GRANT "Group ${name}" TO "member ${name}"`,
      `CREATE DATABASE "${name}" TEMPLATE template0 ENCODING 'UTF8'`,
      `ALTER DATABASE "${name}" SET "TimeZone" TO 'Asia/Tokyo';`,
      `ALTER ROLE "Group ${name}" IN DATABASE "${name}" SET "jit" TO 'off';`,
    ])
      expect(text).toContain(line);
    expect(text).not.toMatch(/secret|SCRAM/);
    expect(manifest.globals?.sha256).toBe(sha256(text));
  });

  it('is compressed as well as its pg_dump can', async () => {
    const clients = await clientFor(150_000);
    const newer = await mkdtemp(join(tmpdir(), 'newer-dump-'));
    const script = `#!/bin/sh
if [ "$1" = --version ]; then echo 'pg_dump (PostgreSQL) 18.0'; exit; fi
case " $* " in *' --compress=zstd:1 '*)
  echo 'pg_dump: error: invalid compression specification: this build does not support compression with zstd' >&2; exit 1 ;;
esac
for argument; do shift; [ "$argument" = --compress=lz4:1 ] && argument=--compress=1; set -- "$@" "$argument"; done
exec ${programPath(clients, 'pg_dump')} "$@"`;
    await writeFile(join(newer, 'pg_dump'), script, { mode: 0o755 });
    await symlink(programPath(clients, 'pg_restore'), join(newer, 'pg_restore'));
    const before = process.env.PGBIN;
    try {
      process.env.PGBIN = newer;
      const context = testContext();
      const { manifest } = await backUp(context, optionsFor('compressed'));
      expect(manifest.dump.writtenBy).toMatch(/newer-dump-\w+\/pg_dump 18\.0 .*--compress=lz4:1$/);
      expect(manifest.globals).toBeNull();
      expect(JSON.stringify(context.events)).toContain('are not beside the backup');
    } finally {
      if (before === undefined) delete process.env.PGBIN;
      else process.env.PGBIN = before;
      await rm(newer, { recursive: true });
    }
  });

  it('names who else is at work for long, and goes on', async () => {
    await using busy = await testDatabase({ sql: 'CREATE TABLE t (id int)' });
    const { address } = busy;
    await using dumping = await connect(address, { purpose: 'test' });
    await dumping.execute("SET application_name = 'pg_dump'; BEGIN; SELECT 1 FROM t");
    const context = testContext();
    await backUp(context, optionsFor('others', address));
    expect(JSON.stringify(context.events)).toContain(
      `pg_dump (server process ${dumping.pid}, idle in transaction)`,
    );
  });

  it('is described by figures of the same snapshot', async () => {
    const { manifest } = await backUp(testContext(), optionsFor('figures'));
    expect(manifest.contents.tables).toMatchObject({
      'public.users': 500,
      '"Odd Schema"."Odd ""Table"""': 40,
      'public.events_2024_a': 106,
      'public.parent': 1,
      'public.child': 2,
      'public.fleeting': 1,
      'public.empty_one': 0,
    });
    expect(manifest.contents.tables).not.toHaveProperty('public.events');
    expect(manifest.contents.sequences['public.serials_id_seq']).toEqual({
      last: '30',
      called: true,
      increment: '1',
      cycles: false,
    });
    expect(manifest.contents.largeObjects).toBe(2);
    expect(manifest.contents.extensions).toHaveProperty('pg_trgm');
    await using database = await connect(rich.address, { purpose: 'test' });
    expect(manifest.contents.schema.fingerprint).toBe(await schemaFingerprint(database));
    expect(manifest).toMatchObject({ ledger: ['007'], gitCommit: 'f00', plan: 'abc', proof: null });
  });

  it('leaves rows out that were committed after its snapshot', async () => {
    await using busy = await testDatabase({
      sql: 'CREATE TABLE t AS SELECT generate_series(1, 20000) n',
    });
    await using writer = await connect(busy.address, { purpose: 'test' });
    const context = testContext();
    const backup = backUp(context, optionsFor('busy', busy.address));
    let running = true;
    const writing = (async () => {
      while (running) await writer.execute('INSERT INTO t VALUES (0)');
    })();
    const { manifest } = await backup;
    running = false;
    await writing;
    const { now } = await writer.one<{ now: number }>('SELECT count(*)::int AS now FROM t');
    expect(manifest.contents.tables['public.t']).toBeGreaterThanOrEqual(20000);
    expect(manifest.contents.tables['public.t']).toBeLessThan(now);
  });

  it('never overwrites another one: the next second is free', async () => {
    const first = await backUp(at('2025-01-01T00:00:00'), optionsFor('twice'));
    const second = await backUp(at('2025-01-01T00:00:00'), optionsFor('twice'));
    expect([first.name, second.name]).toEqual([
      'pre_migration_20250101_000000.dump',
      'pre_migration_20250101_000001.dump',
    ]);
  });

  it('shows the password in no argument, manifest or event', async () => {
    await using database = await connect(rich.address, { purpose: 'test' });
    const context = testContext();
    const password = new URL(serverAddress().connectionString()).password;
    expect(password).not.toBe('');
    const seen = new Set<string>();
    let running = true;
    const looking = (async () => {
      while (running) {
        for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
          const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
          if (line.includes('pg_dump')) seen.add(line);
        }
        await database.query('SELECT pg_sleep(0.001)');
      }
    })();
    // A dump of this database may come and go between two looks: then another one is taken.
    const take = (name: string): ReturnType<typeof backUp> => backUp(context, optionsFor(name));
    let { file } = await take('secret');
    for (let more = 1; seen.size === 0; more += 1) ({ file } = await take(`secret-${more}`));
    running = false;
    await looking;
    const written = await readFile(`${file}.manifest.json`, 'utf8');
    expect([...seen, written, JSON.stringify(context.events)].join()).not.toContain(password);
  });
});

describe('nothing that looks like a backup is left', () => {
  it('when it is interrupted', async () => {
    const context = testContext();
    const backup = backUp(context, optionsFor('interrupted'));
    setTimeout(() => context.abort(), 150);
    await expect(backup).rejects.toMatchObject({ code: 'interrupted' });
    expect(await files('interrupted')).toEqual([]);
  });

  it('when a table stays locked, and the holder is named', async () => {
    await using locked = await testDatabase({ sql: 'CREATE TABLE t (id int)' });
    await using holder = await connect(locked.address, { purpose: 'test' });
    await holder.execute('BEGIN; LOCK TABLE t');
    await expect(backUp(testContext(), optionsFor('locked', locked.address))).rejects.toMatchObject(
      {
        code: 'backup/locked',
        message: expect.stringContaining(`t by server process ${holder.pid}`),
      },
    );
    expect(await files('locked')).toEqual([]);
  });

  it('when row security would hide rows', async () => {
    await using guarded = await testDatabase({
      sql: `CREATE TABLE t (id int); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
            DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT SELECT ON t TO reader`,
    });
    const url = new URL(guarded.address.connectionString());
    url.username = 'reader';
    url.password = 'reader';
    await expect(
      backUp(testContext(), optionsFor('guarded', Address.parse(url.href))),
    ).rejects.toMatchObject({
      code: 'backup/row-security',
      message: expect.stringContaining('public.t'),
    });
    expect(await files('guarded')).toEqual([]);
  });

  it('when the server cannot be reached', async () => {
    const address = Address.parse('postgresql://nobody@127.0.0.1:1/none');
    await expect(backUp(testContext(), optionsFor('unreachable', address))).rejects.toMatchObject({
      code: 'postgres/unreachable',
    });
    expect(await files('unreachable')).toEqual([]);
  });

  it('when the folder cannot be written to', async () => {
    await writeFile(join(backups, 'blocked'), 'a file, where the folder should be');
    await expect(backUp(testContext(), optionsFor('blocked'))).rejects.toMatchObject({
      code: 'backup/folder-not-writable',
    });
  });

  it('by a run that was killed: the next one clears it away, and leaves those of running ones', async () => {
    const folder = join(backups, 'killed');
    await mkdir(folder);
    const dump = 'pre_migration_20250101_000000.dump';
    const running = `.${dump}.${hostname()}.${process.pid}-${await startOf(process.pid)}.partial`;
    const elsewhere = `.${dump}.elsewhere.7-1.partial`;
    const dead = [
      `.${dump}.${hostname()}.999999999-1.partial`,
      // Another process with the id of this one, as every container has them.
      `.${dump}.${hostname()}.${process.pid}-1.partial`,
      `.${dump}.elsewhere.8-1.partial`,
    ];
    for (const name of [...dead, running, elsewhere]) await writeFile(join(folder, name), 'half');
    await utimes(join(folder, dead[2] ?? ''), 0, 0);
    await writeFile(join(folder, `${dump}.manifest.json`), '{}');
    await backUp(testContext(), optionsFor('killed'));
    const left = await files('killed');
    for (const name of [...dead, `${dump}.manifest.json`]) expect(left).not.toContain(name);
    expect(left).toEqual(expect.arrayContaining([running, elsewhere]));
  });

  it('by a second one in the same folder, until the first is done or was killed', async () => {
    const folder = join(backups, 'shared');
    await mkdir(folder);
    const lock = join(folder, '.backing-up');
    const startedAt = await startOf(process.pid);
    const holder = (change: object): string =>
      JSON.stringify({ host: hostname(), pid: process.pid, startedAt, ...change });
    for (const running of [holder({}), holder({ host: 'elsewhere' })]) {
      await writeFile(lock, running);
      await expect(backUp(testContext(), optionsFor('shared'))).rejects.toMatchObject({
        code: 'backup/already-running',
      });
    }
    await utimes(lock, 0, 0);
    for (const dead of [undefined, holder({ startedAt: '1' }), '']) {
      if (dead !== undefined) await writeFile(lock, dead);
      if (dead === '') await utimes(lock, 0, 0);
      await backUp(testContext(), optionsFor('shared'));
      expect(await files('shared')).not.toContain('.backing-up');
    }
  });
});

describe('the list of backups', () => {
  it('is ordered by the time that manifests tell, and names what is incomplete', async () => {
    const older = await backUp(at('2025-03-02T00:00:00'), optionsFor('list'));
    const newer = await backUp(at('2025-03-03T00:00:00'), optionsFor('list'));
    const cut = await backUp(at('2025-03-04T00:00:00'), optionsFor('list'));
    await writeFile(cut.file, (await readFile(cut.file)).subarray(0, 1_000));
    await writeFile(join(backups, 'list', 'by_hand.dump'), 'who knows');
    await writeFile(join(backups, 'list', 'lost.dump.manifest.json'), '{}');
    const list = await listBackups(backups, 'list');
    expect(list.backups.map(({ name }) => name)).toEqual([newer.name, older.name]);
    expect(new Set(list.incomplete.map(({ file }) => basename(file)))).toEqual(
      new Set(['by_hand.dump', 'lost.dump.manifest.json', cut.name]),
    );
  });

  it('is searched by path, by name and for the latest', async () => {
    const backup = await backUp(at('2025-04-01T00:00:00'), optionsFor('find'));
    const find = (wanted: string): Promise<unknown> =>
      findBackup({ backups, environment: 'find', wanted, from: [backups] });
    for (const wanted of [
      backup.file,
      `find/${backup.name}`,
      backup.name,
      backup.name.slice(0, -5),
      'latest',
    ]) {
      expect(await find(wanted)).toEqual(backup);
    }
    await expect(find('nothing.dump')).rejects.toMatchObject({
      code: 'backup/not-found',
      hint: expect.stringContaining(backup.name),
    });
    await expect(
      findBackup({ backups, environment: 'production', wanted: backup.file, from: [] }),
    ).rejects.toMatchObject({ code: 'backup/other-environment' });
  });

  it('believes no manifest that was edited', async () => {
    const backup = await backUp(at('2025-05-01T00:00:00'), optionsFor('edited'));
    const edit = async (manifest: string): Promise<void> => {
      const text = await readFile(manifest, 'utf8');
      await writeFile(manifest, text.replace('"public.users": 500', '"public.users": 400'));
    };
    await edit(`${backup.file}.manifest.json`);
    expect(await listBackups(backups, 'edited')).toEqual({
      backups: [backup],
      incomplete: [],
      damaged: [
        {
          file: `${backup.file}.manifest.json`,
          reason: expect.stringContaining('its content was changed'),
        },
      ],
    });
    await edit(`${backup.file}.manifest.copy.json`);
    await expect(
      findBackup({ backups, environment: 'edited', wanted: 'latest', from: [] }),
    ).rejects.toMatchObject({
      code: 'backup/not-found',
      message: expect.stringContaining(`${backup.name} is none: the manifest`),
    });
    await expect(
      findBackup({ backups, environment: 'edited', wanted: backup.file, from: [] }),
    ).rejects.toMatchObject({ code: 'backup/manifest-damaged' });
  });
});
