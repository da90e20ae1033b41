// The disk of the server is full: of the data, and of the whole server with its log.

import { randomBytes } from 'node:crypto';
import { chown } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { quietContext } from '../src/core/context.ts';
import { firstBrokenEntry } from '../src/history/journal.ts';
import { connect } from '../src/postgres/connect.ts';
import { serverAccount } from '../src/sandbox/account.ts';
import { type SandboxServer, startServer } from '../src/sandbox/server.ts';
import { type CommandProject, commandProject, drydockJson, expectFailure } from './command.ts';
import { startServerOn } from './full-server.ts';
import { noSmallDisk, type SmallDisk, smallDisk } from './small-disk.ts';

let disk: SmallDisk | undefined;
let project: CommandProject | undefined;

const newPath = (): string => join(tmpdir(), `drydock-disk-${randomBytes(4).toString('hex')}`);

const big = `CREATE TABLE big AS SELECT n, repeat('x', 500) AS x FROM generate_series(1, 20000) n;\n`;

describe('the disk of a database', () => {
  const name = `full_${randomBytes(4).toString('hex')}`;

  // A server of its own: one that cannot write a page of one database checkpoints none.
  let server: SandboxServer;
  beforeAll(async () => {
    const settings = { wal_level: 'logical' };
    server = await startServer(quietContext(), { purpose: 'full disk', settings });
  });
  afterAll(() => server.stop());

  async function onServer<Row extends object>(sql: string): Promise<Row[]> {
    await using database = await connect(server.address('postgres'), { purpose: 'test' });
    return await database.query<Row>(sql);
  }

  // With all that Drydock keeps in it.
  beforeEach(async (context) => {
    disk = await smallDisk(newPath(), '48m');
    if (disk === undefined) context.skip(noSmallDisk);
    const { uid = process.getuid?.() ?? 0, gid = process.getgid?.() ?? 0 } = serverAccount();
    await chown(disk?.path ?? '', uid, gid);
    await onServer(`CREATE TABLESPACE ${name} LOCATION '${disk?.path}'`);
    await onServer(`CREATE DATABASE ${name} TABLESPACE ${name}`);
    project = await commandProject({
      databases: { staging: server.address(name).connectionString() },
      rules: { staging: { confirm: 'never', deploy: 'true' } },
    });
    await drydockJson(project, ['adopt', 'staging', '--reason', 'so that Drydock was here']);
  });

  afterEach(async () => {
    await project?.[Symbol.asyncDispose]();
    await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await onServer(`DROP TABLESPACE IF EXISTS ${name}`);
    await disk?.[Symbol.asyncDispose]();
  });

  /** Fills it, and the pages of Drydock's own tables too. */
  async function fillAll(): Promise<void> {
    await disk?.fill();
    await using database = await connect(server.address(name), { purpose: 'test' });
    for (const length of [900, 1]) {
      const sql = `SELECT drydock.append_to_journal(jsonb_build_object('run', gen_random_uuid(),
        'at', now(), 'who', 'a', 'host', 'b', 'command', 'fill', 'phase', 'done',
        'details', jsonb_build_object('x', repeat('x', ${length}))))`;
      for (let failed = false; !failed; ) {
        failed = await database.execute(sql).then(
          () => false,
          () => true,
        );
      }
    }
  }

  it('that fills during an apply takes the change back, and the same command goes on later', async () => {
    const there = project as CommandProject;
    await there.write('migrations/001_big.sql', big);
    await disk?.fill();
    await expectFailure(there, ['apply', 'staging'], {
      exit: 7,
      code: 'apply/rolled-back',
      state: 'The change was rolled back.',
      names: ['001_big', 'No space left on device'],
      hint: 'Make room on the disk of the server',
    });
    await disk?.clear();
    const { failure } = await drydockJson(there, ['apply', 'staging']);
    expect(failure).toBeNull();
  });

  it('that has no room for the journal lets nothing begin, and the journal stays whole', async () => {
    const there = project as CommandProject;
    await there.write('migrations/001_a.sql', 'CREATE TABLE a (id int);\n');
    await there.sh(
      'git init -q && git add -A && git -c user.name=a -c user.email=a@b.c commit -qm a',
    );
    await fillAll();
    const lines = [
      'apply staging',
      'freeze staging --reason x',
      'deploy staging',
      'backup staging',
      'arm staging --cold',
      'adopt staging --reason x',
    ];
    for (const line of lines) {
      const { failure } = await drydockJson(there, line.split(' '));
      expect(failure?.message, line).toContain('No space left on device');
      expect(failure?.hint).toContain('Make room on the disk of the server');
      expect(failure?.state).toMatch(/^(Nothing was changed|The change was rolled back)\.$/);
    }
    const watched = await drydockJson(there, ['monitor', 'staging', '--once']);
    expect(watched.stderr).toContain('the sample waits to be kept');
    await disk?.clear();
    for (const line of lines.filter((each) => !/freeze|arm/.test(each))) {
      const { failure } = await drydockJson(there, line.split(' '));
      expect(failure).toBeNull();
    }
    await using database = await connect(server.address(name), { purpose: 'test' });
    expect(await firstBrokenEntry(database)).toBeUndefined();
  });

  it('that has no room for a second copy refuses a restore, and leaves the live database as it is', async () => {
    const there = project as CommandProject;
    await there.write('migrations/001_big.sql', big);
    await drydockJson(there, ['apply', 'staging']);
    await drydockJson(there, ['backup', 'staging']);
    await disk?.fill();
    const restore = ['restore', 'staging', '--yes', '--confirm', name];
    await expectFailure(there, restore, {
      exit: 2,
      code: 'postgres/statement-failed',
      names: ['No space left on device'],
      hint: 'Make room on the disk of the server',
    });
    const left = await onServer<{ datname: string }>(
      `SELECT datname FROM pg_database WHERE datname LIKE '${name}_%'`,
    );
    expect(left).toEqual([]);
  });
});

it('a server whose log has no room any more ends in an apply, and the next one goes on', async (context) => {
  disk = await smallDisk(newPath(), '80m');
  if (disk === undefined) context.skip(noSmallDisk);
  const server = await startServerOn((disk as SmallDisk).path);
  project = await commandProject({
    databases: { staging: server.address('postgres').connectionString() },
    rules: { staging: { confirm: 'never' } },
    migrations: { '001_a.sql': 'CREATE TABLE a (id int);\n' },
  });
  try {
    const there = project;
    await drydockJson(there, ['apply', 'staging']);
    await there.write('migrations/002_big.sql', big);
    await disk?.fill();
    const { exit, failure } = await drydockJson(there, ['apply', 'staging']);
    expect(failure?.code).toMatch(/^apply\//);
    expect([7, 8]).toContain(exit);
    expect(failure?.state).not.toBe('Nothing was changed.');
    await disk?.clear();
    await server.start();
    const again = await drydockJson(there, ['apply', 'staging']);
    expect(again.failure).toBeNull();
    await using database = await connect(server.address('postgres'), { purpose: 'test' });
    expect(await database.query('SELECT count(*)::int AS n FROM big')).toEqual([{ n: 20_000 }]);
    expect(await firstBrokenEntry(database)).toBeUndefined();
  } finally {
    await server.stop();
    await project[Symbol.asyncDispose]();
    await disk?.[Symbol.asyncDispose]();
  }
});
