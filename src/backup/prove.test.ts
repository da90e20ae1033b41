import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import { serverMajor, type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import richDatabase from '../../test/rich-database.sql';
import { runOrFail } from '../core/process.ts';
import { readArchive } from '../postgres/archive-content.ts';
import { connect } from '../postgres/connect.ts';
import { type Contents, compareContents, readContents } from '../postgres/contents.ts';
import { clientFor, programPath } from '../postgres/programs.ts';
import { type SandboxServer, type ServerOptions, startServer } from '../sandbox/server.ts';
import { type BackUpOptions, backUp } from './back-up.ts';
import { findBackup } from './backups.ts';
import { type Backup, type Manifest, validProof, writeManifest } from './manifest.ts';
import { type ProvenCopy, prove } from './prove.ts';

let rich: TestDatabase;
let backups: string;
let options: BackUpOptions;
const started: SandboxServer[] = [];

beforeAll(async () => {
  rich = await testDatabase({
    sql: `${richDatabase};
      DROP ROLE IF EXISTS "Table Owner"; CREATE ROLE "Table Owner"; ALTER TABLE serials OWNER TO "Table Owner";
      DROP ROLE IF EXISTS policy_reader; CREATE ROLE policy_reader; CREATE POLICY all_of_it ON secrets TO policy_reader USING (true)`,
  });
  backups = await mkdtemp(join(tmpdir(), 'prove-'));
  options = backUpOptions(rich.address, backups);
});
afterAll(async () => {
  await rich.drop();
  await rm(backups, { recursive: true, force: true });
});
beforeEach(() => {
  started.length = 0;
});

async function proving(backup: Backup, statistics = false): Promise<ProvenCopy> {
  const context = testContext();
  return await prove(context, {
    backup,
    statistics,
    startServer: async (wanted) => {
      const server = await startServer(context, wanted);
      started.push(server);
      return server;
    },
  });
}

const reread = (backup: Backup): Promise<Backup> =>
  findBackup({ backups, environment: 'production', wanted: backup.file, from: [] });

describe('a backup that is whole', () => {
  it('is proven, and the restored copy is there to be used', async () => {
    const backup = await backUp(testContext(), options);
    const { proof, server, database } = await proving(backup);
    try {
      expect(proof).toMatchObject({
        outcome: 'done',
        differences: [],
        compared: { tables: 14, hashedTables: 14 },
      });
      expect(proof.restoreMs).toBeGreaterThan(0);
      expect(validProof(await reread(backup))).toEqual(proof);
      await using copy = await connect(database, { purpose: 'test' });
      expect(await copy.one('SELECT count(*)::int AS n FROM users')).toEqual({ n: 500 });
      expect(
        await copy.query('SELECT encode(lo_get(oid), $1) AS text FROM pg_largeobject_metadata', [
          'escape',
        ]),
      ).toContainEqual({ text: 'a large object' });
    } finally {
      await server.stop();
    }
  });

  it.each([true, false])(
    'has statistics in its copy where somebody works on it: %s',
    async (wanted) => {
      const backup = await backUp(testContext(), options);
      const { server, database } = await proving(backup, wanted);
      try {
        await using copy = await connect(database, { purpose: 'test' });
        const rows = await copy.query(`SELECT FROM pg_stats WHERE schemaname = 'public'`);
        expect(rows.length > 0).toBe(wanted);
      } finally {
        await server.stop();
      }
    },
  );

  it('is not called bad where the server ended on which it was restored', async () => {
    await using slow = await testDatabase({
      sql: `CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
          AS 'BEGIN PERFORM pg_sleep(0.02); RETURN $1; END';
        CREATE TABLE a AS SELECT generate_series(1, 100) AS id;
        CREATE INDEX a_slow ON a (slow(id))`,
    });
    const backup = await backUp(testContext(), backUpOptions(slow.address, backups));
    const context = testContext();
    const startToEnd = async (wanted: ServerOptions): Promise<SandboxServer> => {
      const server = await startServer(context, wanted);
      const building = `SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX a_slow%'`;
      void (async () => {
        await using watcher = await connect(server.address('postgres'), { purpose: 'test' });
        while ((await watcher.query(building)).length === 0) await setTimeout(20);
        await server.stop();
      })();
      return server;
    };
    await expect(prove(context, { backup, startServer: startToEnd })).rejects.toMatchObject({
      code: 'sandbox/server-ended',
      hint: expect.stringContaining('says nothing of the backup'),
    });
    expect((await reread(backup)).manifest.proof).toBeNull();
  });

  it('is proven as a folder too', async () => {
    const backup = await backUp(testContext(), { ...options, folderFromBytes: 0 });
    const { proof, server } = await proving(backup);
    await server.stop();
    expect(proof).toMatchObject({ outcome: 'done', compared: { tables: 14, hashedTables: 14 } });
    expect(validProof(await reread(backup))).toEqual(proof);
  });

  it('is proven page by page when that is asked for', async () => {
    const backup = await backUp(testContext(), options);
    const context = testContext();
    const { proof, server } = await prove(context, {
      backup,
      thorough: true,
      startServer: (wanted) => startServer(context, wanted),
    });
    await server.stop();
    expect(proof).toMatchObject({ outcome: 'done', level: 3 });
    expect(proof.examined?.tables).toBeGreaterThan(14);
    expect(proof.examined?.indexes).toBeGreaterThan(100);
  });

  it('is not held against it when this machine lacks an extension', async () => {
    const backup = await backUp(testContext(), options);
    const { contents } = backup.manifest;
    for (const [name, code] of [
      ['not_to_be_had', 'restore/missing-extensions'],
      ['timescaledb', 'restore/needs-own-procedure'],
    ] as const) {
      const extensions = { ...contents.extensions, [name]: '1' };
      const manifest = { ...backup.manifest, contents: { ...contents, extensions } };
      await writeManifest(backup.file, manifest);
      await expect(proving({ ...backup, manifest })).rejects.toMatchObject({
        code,
        message: expect.stringContaining(name),
      });
      expect((await reread(backup)).manifest.proof).toBeNull();
    }
  });

  it('by one worker, where several have waited for each other', async () => {
    const major = await serverMajor();
    const { folder, version } = await clientFor(major * 10_000);
    const backup = await backUp(testContext(), options);
    const programs = await mkdtemp(join(tmpdir(), 'deadlock-'));
    const says = `if [ "$1" = --version ]; then echo '(PostgreSQL) ${version}'; exit; fi`;
    for (const [program, script] of [
      ['pg_dump', `${says}\nexec ${folder}/pg_dump "$@"`],
      ['pg_restore', `${says}\n${restoreThatDeadlocks(folder)}`],
    ] as const)
      await writeFile(join(programs, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const before = process.env.PGBIN;
    await using server = await startServer(testContext(), { purpose: 'test', major });
    const context = testContext();
    try {
      process.env.PGBIN = programs;
      const { proof } = await prove(context, { backup, startServer: async () => server });
      expect(proof.outcome).toBe('done');
    } finally {
      if (before === undefined) delete process.env.PGBIN;
      else process.env.PGBIN = before;
      await rm(programs, { recursive: true });
    }
    expect(JSON.stringify(context.events)).toContain('loaded once more, by one');
  });

  it('opens without Drydock: psql with the globals, then pg_restore', async (context) => {
    const backup = await backUp(testContext(), { ...options, folderFromBytes: 0 });
    const major = await serverMajor();
    const clients = await clientFor(major * 10_000);
    if (clients.major !== major) context.skip(`there are no client programs of ${major} here`);
    await using server = await startServer(testContext(), { purpose: 'test', major });
    const to = (database: string): string => server.address(database).toolArgument();
    const globals = [`--file=${backup.file}.globals.sql`, `--dbname=${to('postgres')}`];
    await runOrFail(programPath(clients, 'psql'), ['--no-psqlrc', ...globals]);
    const { database } = rich.address;
    const dump = ['--exit-on-error', '--jobs=2', `--dbname=${to(database)}`, backup.file];
    await runOrFail(programPath(clients, 'pg_restore'), dump);
    await using copy = await connect(server.address(database), { purpose: 'test' });
    const { contents } = backup.manifest;
    const found = await readContents(copy, { like: contents.hashes });
    expect(compareContents(contents, found)).toEqual([]);
  });

  it('is proven while others write, for its figures are of the snapshot', async () => {
    await using busy = await testDatabase({
      sql: 'CREATE TABLE t (id serial PRIMARY KEY, x int); INSERT INTO t (x) SELECT generate_series(1, 20000)',
    });
    await using writer = await connect(busy.address, { purpose: 'test' });
    let running = true;
    const writing = (async () => {
      while (running) await writer.execute('INSERT INTO t (x) VALUES (0)');
    })();
    const backup = await backUp(testContext(), {
      ...options,
      address: busy.address,
      environment: 'busy',
    });
    running = false;
    await writing;
    const { server } = await proving(backup);
    await server.stop();
  });
});

describe('a backup is proven as well', () => {
  it('of a database with an invalid index, which no dump carries', async () => {
    await using marred = await testDatabase({
      sql: 'CREATE TABLE t AS SELECT 1 AS n, * FROM generate_series(1, 2)',
    });
    await using database = await connect(marred.address, { purpose: 'test' });
    await expect(database.execute('CREATE UNIQUE INDEX CONCURRENTLY i ON t (n)')).rejects.toThrow();
    const { server } = await proving(
      await backUp(testContext(), { ...options, address: marred.address }),
    );
    await server.stop();
  });

  it('by programs of version 17, which set what an older server does not know', async (context) => {
    const major = await serverMajor();
    const { folder, major: clientMajor } = await clientFor(major * 10_000);
    if (clientMajor >= 17) context.skip(`the programs here are of ${clientMajor}`);
    const newer = await mkdtemp(join(tmpdir(), 'newer-programs-'));
    for (const program of ['pg_dump', 'pg_restore']) {
      const script = program === 'pg_dump' ? dumpOf17(folder) : restoreOf17(folder);
      await writeFile(join(newer, program), script, { mode: 0o755 });
    }
    const before = process.env.PGBIN;
    let server: SandboxServer | undefined;
    try {
      server = await startServer(testContext(), { purpose: 'test', major });
      process.env.PGBIN = newer;
      const backup = await backUp(testContext(), options);
      const started = server;
      const { proof } = await prove(testContext(), { backup, startServer: async () => started });
      expect([backup.manifest.dump.dumpMajor, proof.outcome]).toEqual([17, 'done']);
    } finally {
      if (before === undefined) delete process.env.PGBIN;
      else process.env.PGBIN = before;
      await server?.stop();
      await rm(newer, { recursive: true });
    }
  });
});

// Everything is there, and yet an error is told: only a database made anew can take it once more.
const restoreThatDeadlocks = (folder: string): string => `case " $* " in
*' --jobs=1 '* | *' --list '*) exec ${folder}/pg_restore "$@" ;;
esac
${folder}/pg_restore "$@"
echo 'pg_restore: error: could not execute query: ERROR:  deadlock detected' >&2
exit 1`;
const dumpOf17 = (folder: string): string => `#!/bin/sh
if [ "$1" = --version ]; then echo 'pg_dump (PostgreSQL) 17.2'; exit; fi
for argument; do shift; [ "$argument" = --compress=zstd:1 ] && argument=--compress=1; set -- "$@" "$argument"; done
exec ${folder}/pg_dump "$@"`;
const restoreOf17 = (folder: string): string => `#!/bin/sh
if [ "$1" = --version ]; then echo 'pg_restore (PostgreSQL) 17.2'; exit; fi
case " $* " in *' --exit-on-error '*) exit 1 ;; *' --list '*) exec ${folder}/pg_restore "$@" ;; esac
echo 'pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"
Command was: SET transaction_timeout = 0;
' >&2
${folder}/pg_restore "$@" && echo 'pg_restore: warning: errors ignored on restore: 1' >&2
exit 1`;

/** Takes a backup whose file is spoiled by `spoil`, and proves it. */
async function proofAfter(spoil: (file: string) => Promise<void>): Promise<unknown> {
  const backup = await backUp(testContext(), options);
  await spoil(backup.file);
  const failure = await proving(backup).catch((error: unknown) => error);
  expect(validProof(await reread(backup))).toBeNull();
  return failure;
}

/** The same, with a manifest that describes the spoiled file: only a restore can tell. */
async function proofOfDescribed(spoil: (file: string) => Promise<void>): Promise<unknown> {
  const backup = await backUp(testContext(), options);
  await spoil(backup.file);
  const dump = { ...backup.manifest.dump, ...(await readArchive(backup.file)) };
  const manifest: Manifest = { ...backup.manifest, dump };
  await writeManifest(backup.file, manifest);
  const failure = await proving({ ...backup, manifest }).catch((error: unknown) => error);
  expect(validProof(await reread(backup))).toBeNull();
  for (const server of started)
    await expect(connect(server.address('postgres'), { purpose: 'test' })).rejects.toThrow();
  return failure;
}

const truncate = async (file: string): Promise<void> => {
  const bytes = await readFile(file);
  await writeFile(file, bytes.subarray(0, bytes.length * 0.7));
};
const flipByte = async (file: string): Promise<void> => {
  const bytes = await readFile(file);
  // Behind the table of contents, of which not every letter matters.
  const at = Math.floor(bytes.length * 0.97);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  await writeFile(file, bytes);
};
/** Writes the dump anew, of the same database after `sql`, or with other options of pg_dump. */
const dumpAgain =
  (sql: string, ...flags: string[]) =>
  async (file: string): Promise<void> => {
    await using other = await testDatabase({ template: rich.address.database, sql });
    const clients = await clientFor(150_000);
    await runOrFail(programPath(clients, 'pg_dump'), [
      '-Fc',
      ...flags,
      `-f${file}`,
      `-d${other.address.connectionString()}`,
    ]);
  };

describe('a file that is not the one that was written is refused', () => {
  it.each([
    ['cut short', truncate, 'it has'],
    ['with one bit flipped', flipByte, 'content is different'],
  ])('%s', async (_how, spoil, said) => {
    expect(await proofAfter(spoil)).toMatchObject({
      code: 'backup/file-changed',
      message: expect.stringContaining(said),
    });
    expect(started).toEqual([]);
  });

  it.each([
    ['with a file cut short', (file: string) => truncate(file), /toc\.dat has/],
    ['with one bit flipped', (file: string) => flipByte(file), 'content of toc.dat is different'],
    ['with a file missing', (file: string) => rm(file), 'toc.dat is missing'],
    [
      'with a file too many',
      (file: string) => writeFile(`${file}.more`, ''),
      'there are files in it that do not belong there',
    ],
  ])('a folder %s', async (_how, spoil, said) => {
    const backup = await backUp(testContext(), { ...options, folderFromBytes: 0 });
    await spoil(join(backup.file, 'toc.dat'));
    await expect(proving(backup)).rejects.toMatchObject({
      code: 'backup/file-changed',
      message: expect.stringMatching(said),
    });
  });

  it('gone', async () => {
    const backup = await backUp(testContext(), options);
    await rm(backup.file);
    await expect(proving(backup)).rejects.toMatchObject({ code: 'backup/file-missing' });
  });
});

describe('a dump that was never right fails its restore or the comparison', () => {
  it.each([
    ['cut short', truncate, 'proof/not-restorable', ''],
    ['with one bit flipped', flipByte, 'proof/not-restorable', ''],
    [
      'without the rows of a table',
      dumpAgain('', '--exclude-table-data=users'),
      'proof/not-restorable',
      '',
    ],
    [
      'without the rows of a table that nothing refers to',
      dumpAgain('', '--exclude-table-data=fleeting'),
      'proof/differs',
      'table public.fleeting has 0 rows instead of 1 row',
    ],
    [
      'with a row missing',
      dumpAgain('DELETE FROM secrets'),
      'proof/differs',
      'table public.secrets has 0 rows instead of 1 row',
    ],
    [
      'with a row changed',
      dumpAgain("UPDATE users SET age = 42 WHERE user_id = 'u1'"),
      'proof/differs',
      'table public.users has other content',
    ],
    [
      'with a large object changed',
      dumpAgain("SELECT lo_put(oid, 2, 'l') FROM pg_largeobject_metadata"),
      'proof/differs',
      'one of the large objects has other content',
    ],
    [
      'with a table missing',
      dumpAgain('', '--exclude-table=empty_one'),
      'proof/differs',
      'table public.empty_one with 0 rows is missing',
    ],
    [
      'with a sequence behind',
      dumpAgain("SELECT setval('serials_id_seq', 7)"),
      'proof/differs',
      'sequence public.serials_id_seq stands at 7 instead of 30',
    ],
    [
      'with a constraint missing',
      dumpAgain('ALTER TABLE users DROP CONSTRAINT grown'),
      'proof/differs',
      'table public.users is different',
    ],
    [
      'without large objects',
      dumpAgain('', '--no-blobs'),
      'proof/differs',
      '0 large objects instead of 2',
    ],
    [
      'without an extension',
      dumpAgain('DROP EXTENSION pg_trgm CASCADE'),
      'proof/differs',
      'extension pg_trgm is missing',
    ],
  ])('%s', async (_how, spoil, code, said) => {
    expect(await proofOfDescribed(spoil)).toMatchObject({
      code,
      message: expect.stringContaining(said),
    });
  });
});

it('a database that no dump can bring back is found out: a function that needs a search_path', async () => {
  await using database = await testDatabase({
    sql: `CREATE TABLE limits (most int); INSERT INTO limits VALUES (10);
      CREATE FUNCTION fits(n int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN n <= (SELECT most FROM limits); END';
      CREATE TABLE counted (n int CHECK (fits(n))); INSERT INTO counted VALUES (1)`,
  });
  const backup = await backUp(testContext(), { ...options, address: database.address });
  await expect(proving(backup)).rejects.toMatchObject({
    code: 'proof/not-restorable',
    message: expect.stringContaining('relation "limits" does not exist'),
  });
});

it('a manifest that tells other figures than the dump holds is found out', async () => {
  const backup = await backUp(testContext(), options);
  const contents: Contents = {
    ...backup.manifest.contents,
    tables: { ...backup.manifest.contents.tables, 'public.users': 501 },
  };
  const failure = proving({ ...backup, manifest: { ...backup.manifest, contents } });
  await expect(failure).rejects.toMatchObject({
    code: 'proof/differs',
    message: expect.stringContaining('table public.users has 500 rows instead of 501 rows'),
  });
});

it('a failed proof takes the place of an earlier one', async () => {
  const backup = await backUp(testContext(), options);
  const { server } = await proving(backup);
  await server.stop();
  await flipByte(backup.file);
  await expect(proving(await reread(backup))).rejects.toMatchObject({
    code: 'backup/file-changed',
  });
  const { proof } = (await reread(backup)).manifest;
  expect(proof).toMatchObject({
    outcome: 'failed',
    differences: [expect.stringContaining('content is different')],
  });
});
