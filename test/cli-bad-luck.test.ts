// What goes wrong through nobody's fault at the keyboard: each ends with its own status, the truth about
// the database, and nothing half-written.

import { chmod } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import {
  type CommandProject,
  commandProject,
  drydockJson,
  expectFailure,
  failureIn,
  lastEntry,
  traces,
} from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';

let database: TestDatabase;
let project: CommandProject;

beforeEach(async () => {
  database = await testDatabase({
    sql: 'CREATE TABLE users (id int); INSERT INTO users VALUES (1)',
  });
  project = await commandProject({ databases: { dev: database.address.connectionString() } });
});

afterEach(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

const migration = (sql: string): Promise<void> => project.write('migrations/001_change.sql', sql);

describe('a backup', () => {
  /** A folder of programs that say they are of that version. */
  async function programsOf(version: string): Promise<string> {
    for (const name of ['pg_dump', 'pg_restore']) {
      const path = join('programs', name);
      await project.write(path, `#!/bin/sh\necho '${name} (PostgreSQL) ${version}'\n`);
      await chmod(join(project.folder, path), 0o755);
    }
    return join(project.folder, 'programs');
  }

  it('without pg_dump ends with status 6 and says how to get it', async () => {
    await expectFailure(project, ['backup', 'dev'], {
      exit: 6,
      code: 'postgres/no-client-programs',
      names: ['pg_dump', project.folder],
      hint: 'PGBIN',
      variables: { PGBIN: project.folder },
    });
    expect(await backupFiles()).toEqual([]);
    expect(await lastEntry(database.address)).toMatchObject({ command: 'backup', phase: 'failed' });
  });

  it('by a pg_dump older than the server ends with status 6', async () => {
    const PGBIN = await programsOf('9.6.24');
    await expectFailure(project, ['backup', 'dev'], {
      exit: 6,
      code: 'postgres/client-too-old',
      names: ['9.6.24', PGBIN],
      hint: 'PGBIN',
      variables: { PGBIN },
    });
    expect(await backupFiles()).toEqual([]);
  });

  it('on a disk without room is refused before it is begun', async (context) => {
    await onSmallDisk(context, '1m', async () => {
      await expectFailure(project, ['backup', 'dev'], {
        exit: 6,
        code: 'backup/no-space',
        names: [join(project.folder, 'backups'), 'are free'],
        hint: 'df -h',
      });
      expect(await backupFiles()).toEqual([]);
    });
  });

  it('on a disk that fills meanwhile leaves no file', async (context) => {
    // Text that does not compress: the dump is larger than the estimate, a third of the database.
    await using session = await connect(database.address, { purpose: 'test' });
    await session.execute(
      `CREATE TABLE noise AS
       SELECT string_agg(sha512(int4send(a * 100 + b)), '') AS bytes
       FROM generate_series(1, 3600) AS a, generate_series(1, 100) AS b GROUP BY a`,
    );
    await onSmallDisk(context, '18m', async () => {
      await expectFailure(project, ['backup', 'dev'], {
        exit: 6,
        code: 'backup/no-space',
        names: [join(project.folder, 'backups'), 'there is no room for a backup'],
        hint: 'df -h',
      });
      expect(await backupFiles()).toEqual([]);
      const list = await drydockJson(project, ['backups', 'dev']);
      expect(list.data).toMatchObject({ backups: [], incomplete: [] });
    });
  });

  it('that was damaged on disk is no proof and no way back', async () => {
    const made = await drydockJson(project, ['backup', 'dev']);
    await project.sh(`printf X | dd of=${made.data.file} bs=1 seek=400 conv=notrunc`);
    for (const args of [['prove'], ['restore', '--yes']]) {
      await expectFailure(project, [args[0] ?? '', 'dev', made.data.file, ...args.slice(1)], {
        exit: 6,
        code: 'backup/file-changed',
        names: [made.data.file],
        hint: 'drydock backups',
      });
    }
  });

  async function backupFiles(): Promise<string[]> {
    const { stdout } = await project.sh('find backups -type f 2>/dev/null || true');
    return stdout.split('\n').filter(Boolean);
  }

  async function onSmallDisk(
    context: { skip: (reason: string) => void },
    size: string,
    work: () => Promise<void>,
  ): Promise<void> {
    const mounted = await project.sh(
      `mkdir backups && mount -t tmpfs -o size=${size} none backups`,
    );
    if (mounted.exitCode !== 0) {
      context.skip('only root may mount a small disk here');
      return;
    }
    try {
      await work();
    } finally {
      await project.sh('umount backups');
    }
  }
});

describe('an apply', () => {
  it('is refused by a closed gate with status 5, and the gate says how to open it', async () => {
    await using guarded = await commandProject({
      databases: { production: database.address.connectionString() },
      rules: { production: { guarded: true } },
      migrations: { '001_change.sql': 'DROP TABLE users;' },
    });
    const before = await traces(guarded, database.address);
    const { exit, ok, data } = await drydockJson(guarded, [
      ...['apply', 'production', '--yes', '--confirm', database.address.database],
    ]);
    expect({ exit, ok, outcome: data.outcome }).toEqual({ exit: 5, ok: false, outcome: 'refused' });
    const closed = data.gates.filter((gate: { state: string }) => gate.state === 'closed');
    expect(closed.map(({ id }: { id: string }) => id)).toContain('no-destructive-statements');
    for (const gate of closed) expect(gate.howToOpen).not.toBe('');
    expect(await traces(guarded, database.address)).toEqual(before);
    expect(await lastEntry(database.address)).toMatchObject({ phase: 'refused' });
  });

  it('whose statement fails is rolled back with status 7, and the statement is shown', async () => {
    await migration(
      'BEGIN;\nCREATE TABLE a (id int);\nALTER TABLE users ADD COLUMN id int;\nCOMMIT;\n',
    );
    const before = await traces(project, database.address);
    const { stderr, failure } = await expectFailure(project, ['apply', 'dev'], {
      exit: 7,
      code: 'apply/rolled-back',
      state: 'The change was rolled back.',
      names: ['001_change', 'column "id" of relation "users" already exists'],
      hint: 'type the same command again',
    });
    expect(failure?.details).toMatchObject({ line: 3, sqlState: '42701' });
    expect(failureIn(stderr)).toContain('3 | ALTER TABLE users ADD COLUMN id int');
    expect(await traces(project, database.address)).toEqual(before);
  });

  it('whose statement names what is not there shows it with a caret', async () => {
    await migration('CREATE TABLE a (id int);\nUPDATE users SET nothing = 1;\n');
    const { stderr } = await expectFailure(project, ['apply', 'dev'], {
      exit: 7,
      code: 'apply/rolled-back',
      state: 'The change was rolled back.',
      names: ['"nothing"'],
      hint: 'type the same command again',
    });
    const lines = failureIn(stderr).split('\n');
    const shown = lines.findIndex((line) => line.includes('2 | UPDATE users SET nothing = 1'));
    expect(lines[shown + 1]?.indexOf('^')).toBe(lines[shown]?.indexOf('nothing'));
  });

  it('that never gets its lock gives up with status 10 and names who holds it', async () => {
    await migration('CREATE TABLE a (id int);\nALTER TABLE users ADD COLUMN name text;\n');
    const before = await traces(project, database.address);
    await using other = await connect(database.address, { purpose: 'test' });
    await other.execute('BEGIN; SELECT * FROM users');
    await expectFailure(project, ['apply', 'dev', '--lock-patience', '300ms'], {
      exit: 10,
      code: 'apply/lock-not-obtained',
      state: 'The change was rolled back.',
      names: ['001_change', `server process ${other.pid} (postgres, drydock test`],
      hint: 'pg_terminate_backend',
    });
    expect(await traces(project, database.address)).toEqual(before);
    await other.execute('COMMIT');
    expect((await drydockJson(project, ['apply', 'dev'])).ok).toBe(true);
  });

  it('that stops half-way says so with status 8, and the same command goes on from there', async () => {
    await migration(
      'CREATE TABLE a (id int);\nCREATE INDEX CONCURRENTLY a_id ON a (id);\nALTER TABLE users ADD COLUMN id int;\n',
    );
    await expectFailure(project, ['apply', 'dev'], {
      exit: 8,
      code: 'apply/half-done',
      state: '2 of 3 steps of 001_change are in force',
      names: ['001_change'],
      hint: 'from step 3 of 3',
    });
    const status = await drydockJson(project, ['status', 'dev', '--exit-code']);
    expect(status.exit).toBe(11);
    expect(status.data.environments[0]).toMatchObject({
      migrations: [{ name: '001_change', state: 'partial' }],
    });

    await using session = await connect(database.address, { purpose: 'test' });
    await session.execute('ALTER TABLE users DROP COLUMN id');
    const { ok, data } = await drydockJson(project, ['apply', 'dev']);
    expect(ok).toBe(true);
    expect(data.apply.statements).toHaveLength(1);
    expect((await drydockJson(project, ['status', 'dev', '--exit-code'])).exit).toBe(0);
  });

  it('by two at once lets one of them do it', async () => {
    await migration('CREATE TABLE a (id int);\nSELECT pg_sleep(0.5);\n');
    const both = await Promise.all([1, 2].map(() => drydockJson(project, ['apply', 'dev'])));
    expect(both.map(({ exit }) => exit)).toEqual(expect.arrayContaining([0, 2]));
    expect(both.find(({ exit }) => exit === 2)?.failure).toMatchObject({
      code: 'migration/plan-changed',
      state: 'Nothing was changed.',
    });
  });
});

describe('health', () => {
  it('that is red ends with status 9, and says which probe and why', async () => {
    const application = createServer((_request, response) => {
      response.statusCode = 503;
      response.end();
    });
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
    const { port } = application.address() as AddressInfo;
    const ill = await commandProject({
      databases: { dev: database.address.connectionString() },
      rules: { dev: { health: `http://127.0.0.1:${port}/health`, deploy: 'true' } },
    });
    try {
      const health = await drydockJson(ill, ['health', 'dev']);
      expect(health).toMatchObject({ exit: 9, failure: null, data: { healthy: false } });
      expect(health.data.probes).toContainEqual(
        expect.objectContaining({ probe: 'application', healthy: false }),
      );
      const { stdout } = await ill.drydock(['health', 'dev']);
      expect(stdout).toContain('503');
      expect(stdout).toContain('dev is NOT healthy.');
    } finally {
      application.close();
      await ill[Symbol.asyncDispose]();
    }
  });

  it('that an apply has turned red ends with status 9, and says what is in force', async () => {
    let requests = 0;
    const application = createServer((_request, response) => {
      requests += 1;
      response.statusCode = requests === 1 ? 200 : 503;
      response.end();
    });
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
    const { port } = application.address() as AddressInfo;
    await using harmed = await commandProject({
      databases: { dev: database.address.connectionString() },
      rules: { dev: { health: `http://127.0.0.1:${port}/health` } },
      migrations: { '001_change.sql': 'CREATE TABLE a (id int);' },
    });
    const { exit, data, failure } = await drydockJson(harmed, ['apply', 'dev']);
    application.close();
    expect({ exit, failure }).toEqual({ exit: 9, failure: null });
    expect(data).toMatchObject({ outcome: 'applied', harmed: true, health: { healthy: false } });
  });

  it('of a database that cannot be reached is red, not an error', async () => {
    const { exit, failure, data } = await drydockJson(project, ['health', 'dev'], {
      DEV_DATABASE_URL: 'postgresql://127.0.0.1:1/none',
    });
    expect({ exit, failure, healthy: data.healthy }).toEqual({
      exit: 9,
      failure: null,
      healthy: false,
    });
  });
});

describe('a deploy', () => {
  it('whose command fails ends with status 9 and its last words', async () => {
    await using broken = await commandProject({
      databases: { dev: database.address.connectionString() },
      rules: { dev: { deploy: 'echo "no space on web-2" >&2; exit 3' } },
    });
    await broken.sh(
      'git init -q && git add . && git -c user.name=T -c user.email=t@example.com commit -qm one',
    );
    await expectFailure(broken, ['deploy', 'dev'], {
      exit: 9,
      code: 'release/deploy-failed',
      state: 'The database was not changed; the application may be deployed in part.',
      names: ['dev', 'status 3', 'no space on web-2'],
      hint: 'drydock rollback dev',
    });
    expect(await lastEntry(database.address)).toMatchObject({ command: 'deploy', phase: 'failed' });
  });
});
