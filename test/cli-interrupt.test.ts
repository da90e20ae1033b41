// Ctrl-C at any moment, and kill -9: what was begun is taken back, and nothing is left running.

import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive } from '../src/core/process.ts';
import { connect } from '../src/postgres/connect.ts';
import { places } from '../src/sandbox/folder.ts';
import {
  type CommandProject,
  commandProject,
  drydockJson,
  failureIn,
  lastEntry,
  type RunningCommand,
} from './command.ts';
import { serverAddress, type TestDatabase, testDatabase } from './database.ts';
import { inTerminal } from './terminal.ts';

let database: TestDatabase;
let project: CommandProject;

beforeEach(async () => {
  database = await testDatabase({
    sql: 'CREATE TABLE users AS SELECT generate_series(1, 100000) AS id',
  });
  project = await commandProject({ databases: { dev: database.address.connectionString() } });
});

afterEach(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

const patience = { timeout: 20_000, interval: 10 };

/** Waits until a session of the database runs a statement like this. */
async function untilRunning(pattern: string): Promise<void> {
  await expect.poll(() => sessions(pattern), patience).toBeGreaterThan(0);
}

async function sessions(pattern: string): Promise<number> {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  const { n } = await server.one<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE datname = $1 AND state <> 'idle' AND application_name || ': ' || query ~ $2`,
    [database.address.database, pattern],
  );
  return n;
}

/** Databases of the server whose name begins like this one's. */
async function databasesBeside(): Promise<string[]> {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  const rows = await server.query<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1',
    [database.address.database],
  );
  return rows.map(({ name }) => name);
}

/** Folders of throw-away servers that a process owns. */
async function sandboxesOf(pid: number): Promise<string[]> {
  const names = await Promise.all(places().map(({ path }) => readdir(path).catch(() => [])));
  return names.flat().filter((name) => name.includes(`-${pid}-`) && name.startsWith('drydock-'));
}

async function untilSandbox(command: RunningCommand): Promise<void> {
  await expect.poll(() => sandboxesOf(command.pid), patience).not.toEqual([]);
}

async function tableExists(name: string): Promise<boolean> {
  await using session = await connect(database.address, { purpose: 'test' });
  const { found } = await session.one<{ found: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS found',
    [name],
  );
  return found;
}

const sleepy = 'CREATE TABLE a (id int);\nSELECT pg_sleep(60);\n';

describe('Ctrl-C', () => {
  it('during an apply cancels the statement, rolls back, and is in the journal', async () => {
    await project.write('migrations/001_a.sql', sleepy);
    const command = project.start(['apply', 'dev']);
    await untilRunning('apply 001_a: SELECT pg_sleep');
    const { exitCode, stderr } = await command.signal('SIGINT');
    expect(exitCode).toBe(130);
    expect(failureIn(stderr)).toMatch(/^✗ The change was rolled back\./);
    expect(await tableExists('a')).toBe(false);
    expect(await sessions('drydock')).toBe(0);
    expect(await lastEntry(database.address)).toMatchObject({
      command: 'apply',
      phase: 'failed',
      failure: { code: 'interrupted', state: 'rolled-back' },
    });
  });

  it('during an apply that waits for a lock ends the waiting, and changes nothing', async () => {
    await using other = await connect(database.address, { purpose: 'test' });
    await other.execute('BEGIN; SELECT * FROM users');
    await project.write('migrations/001_a.sql', 'ALTER TABLE users ADD COLUMN name text;\n');
    const command = project.start(['apply', 'dev']);
    const begun = { command: 'apply', phase: 'begun' };
    await expect.poll(() => lastEntry(database.address), patience).toMatchObject(begun);
    const { exitCode, stderr } = await command.signal('SIGINT');
    expect(exitCode).toBe(130);
    expect(failureIn(stderr)).toMatch(/^✗ (The change was rolled back|Nothing was changed)\./);
    await expect.poll(() => sessions('drydock apply'), patience).toBe(0);
    await other.execute('COMMIT');
    expect(await lastEntry(database.address)).toMatchObject({ command: 'apply', phase: 'failed' });
  });

  it('during a deploy stops its command', async () => {
    await using deploying = await commandProject({
      databases: { dev: database.address.connectionString() },
      rules: { dev: { deploy: 'echo $$ > pid; exec sleep 60' } },
    });
    await deploying.sh(
      'git init -q && git add . && git -c user.name=T -c user.email=t@example.com commit -qm one',
    );
    const command = deploying.start(['deploy', 'dev']);
    const pid = async (): Promise<number> => Number((await deploying.sh('cat pid')).stdout);
    await expect.poll(pid, patience).toBeGreaterThan(0);
    const { exitCode } = await command.signal('SIGINT');
    expect(exitCode).toBe(130);
    expect(isAlive(await pid())).toBe(false);
    expect(await lastEntry(database.address)).toMatchObject({ command: 'deploy', phase: 'failed' });
  });

  it('during the proof before a promotion leaves production as it was', async () => {
    await using guarded = await commandProject({
      databases: { production: database.address.connectionString() },
      rules: { production: { guarded: true } },
      migrations: {
        '001_a.sql': '-- A table.\nCREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY);\n',
      },
    });
    const command = guarded.start([
      ...['apply', 'production', '--told-by', 'Ana', '--yes'],
      ...['--confirm', database.address.database, '--waive', 'monitoring-ready=a test'],
    ]);
    await expect.poll(() => command.said(), patience).toContain('✓ back up');
    const { exitCode, stderr } = await command.signal('SIGINT');
    expect(exitCode).toBe(130);
    expect(failureIn(stderr)).toMatch(/^✗ Nothing was changed\./);
    expect(await sandboxesOf(command.pid)).toEqual([]);
    expect(await tableExists('a')).toBe(false);
    expect(await lastEntry(database.address)).toMatchObject({ command: 'apply', phase: 'failed' });
  });

  it('at the terminal reaches an apply that was started by npx', async () => {
    await project.write('migrations/001_a.sql', sleepy);
    const { exitCode, screen } = await inTerminal('npx --no -- drydock apply dev', {
      cwd: project.folder,
      env: { ...process.env, DEV_DATABASE_URL: database.address.connectionString() },
      answers: [{ when: /SELECT pg_sleep/, type: '\u0003' }],
    });
    expect(exitCode, screen).toBe(130);
    await expect.poll(() => sessions('drydock'), patience).toBe(0);
    expect(await tableExists('a')).toBe(false);
    expect(await lastEntry(database.address)).toMatchObject({ command: 'apply', phase: 'failed' });
  });

  it('during a backup leaves no file', async () => {
    await using other = await connect(database.address, { purpose: 'test' });
    await other.execute('BEGIN; LOCK TABLE users');
    const command = project.start(['backup', 'dev']);
    await untilRunning('pg_dump: LOCK TABLE');
    const { exitCode, stderr } = await command.signal('SIGINT');
    expect(exitCode).toBe(130);
    expect(failureIn(stderr)).toMatch(/^✗ Nothing was changed\./);
    expect(await readdir(`${project.folder}/backups/dev`)).toEqual([]);
    await expect.poll(() => sessions('pg_dump'), patience).toBe(0);
    await other.execute('COMMIT');
    expect(await lastEntry(database.address)).toMatchObject({ command: 'backup', phase: 'failed' });
  });

  it('during a proof leaves no throw-away server', async () => {
    await drydockJson(project, ['backup', 'dev']);
    const command = project.start(['prove', 'dev']);
    await untilSandbox(command);
    const { exitCode, stderr } = await command.signal('SIGINT');
    expect(exitCode).toBe(130);
    expect(failureIn(stderr)).toMatch(/^✗ Nothing was changed\./);
    expect(await sandboxesOf(command.pid)).toEqual([]);
  });

  it('during a rehearsal leaves no throw-away server', async () => {
    await drydockJson(project, ['backup', 'dev']);
    await project.write('migrations/001_a.sql', sleepy);
    const command = project.start(['rehearse', 'dev']);
    await expect.poll(() => command.said(), patience).toContain('✓ prove');
    const { exitCode, stderr } = await command.signal('SIGINT');
    expect(exitCode).toBe(130);
    expect(failureIn(stderr)).toMatch(/^✗ Nothing was changed\./);
    expect(await sandboxesOf(command.pid)).toEqual([]);
    expect(await tableExists('a')).toBe(false);
  });

  it('during a restore drops the copy and leaves the live database alone', async () => {
    await drydockJson(project, ['backup', 'dev']);
    const command = project.start(['restore', 'dev', '--yes']);
    await expect.poll(databasesBeside, patience).toHaveLength(2);
    const { exitCode, stderr } = await command.signal('SIGINT');
    expect(exitCode).toBe(130);
    expect(failureIn(stderr)).toMatch(/^✗ Nothing was changed\./);
    expect(await databasesBeside()).toEqual([database.address.database]);
    expect(await lastEntry(database.address)).toMatchObject({
      command: 'restore',
      phase: 'failed',
    });
  });

  it('twice during a backup ends at once, and what it leaves is no backup and is cleared away', async () => {
    await using other = await connect(database.address, { purpose: 'test' });
    await other.execute('BEGIN; LOCK TABLE users');
    const command = project.start(['backup', 'dev']);
    await untilRunning('pg_dump: LOCK TABLE');
    process.kill(command.pid, 'SIGINT');
    const { exitCode } = await command.signal('SIGINT');
    expect(exitCode).toBe(130);
    await other.execute('COMMIT');
    const whole = async (): Promise<string[]> =>
      (await readdir(`${project.folder}/backups/dev`)).filter((name) => /^[^.].*dump$/.test(name));
    expect(await whole()).toEqual([]);
    expect((await drydockJson(project, ['backups', 'dev'])).data).toMatchObject({ backups: [] });
    const made = await drydockJson(project, ['backup', 'dev']);
    expect(made.exit).toBe(0);
    expect(await whole()).toHaveLength(1);
    const hidden = await readdir(`${project.folder}/backups/dev`);
    expect(hidden.filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('at the question before the swap drops the copy', async () => {
    await drydockJson(project, ['backup', 'dev']);
    const { exitCode, screen } = await inTerminal('npx --no -- drydock restore dev', {
      cwd: project.folder,
      env: { ...process.env, DEV_DATABASE_URL: database.address.connectionString() },
      answers: [{ when: /Put the restored database/, type: '\u0003' }],
    });
    expect(exitCode, screen).toBe(130);
    expect(await databasesBeside()).toEqual([database.address.database]);
  });
});

describe('kill -9', () => {
  it('during a proof leaves no server, and the next proof is as any other', async () => {
    await drydockJson(project, ['backup', 'dev']);
    const command = project.start(['prove', 'dev']);
    await untilSandbox(command);
    await command.signal('SIGKILL');
    expect((await drydockJson(project, ['prove', 'dev'])).ok).toBe(true);
    await expect.poll(() => sandboxesOf(command.pid), patience).toEqual([]);
    const status = await drydockJson(project, ['status', 'dev']);
    expect(status.data.environments[0].unfinished).toEqual([
      expect.objectContaining({ command: 'prove' }),
    ]);
  });

  it('during a backup leaves a file that the next backup clears away', async () => {
    await using other = await connect(database.address, { purpose: 'test' });
    await other.execute('BEGIN; LOCK TABLE users');
    const command = project.start(['backup', 'dev']);
    await untilRunning('pg_dump: LOCK TABLE');
    await command.signal('SIGKILL');
    await other.execute('COMMIT');
    const made = await drydockJson(project, ['backup', 'dev']);
    expect(made.ok).toBe(true);
    const list = await drydockJson(project, ['backups', 'dev']);
    expect(list.data).toMatchObject({ backups: [expect.anything()], incomplete: [] });
    const files = await readdir(`${project.folder}/backups/dev`);
    expect(files.filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('during an apply leaves nothing of the transaction, and the next apply does it all', async () => {
    await project.write('migrations/001_a.sql', 'CREATE TABLE a (id int);\nSELECT pg_sleep(2);\n');
    const command = project.start(['apply', 'dev']);
    await untilRunning('apply 001_a: SELECT pg_sleep');
    await command.signal('SIGKILL');
    expect(await tableExists('a')).toBe(false);
    expect((await drydockJson(project, ['apply', 'dev'])).ok).toBe(true);
    expect(await tableExists('a')).toBe(true);
  });
});
