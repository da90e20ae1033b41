import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config/load.ts';
import { connect } from '../src/postgres/connect.ts';
import { serverAddress, type TestDatabase } from './database.ts';
import { type ExampleCopy, exampleCopy, exampleDatabase, exampleFolder } from './example.ts';

let database: TestDatabase;
let app: ExampleCopy;

beforeAll(async () => {
  database = await exampleDatabase('008');
  app = await exampleCopy(database);
  await app.commit('The example');
  const { exitCode, stderr } = await app.run('./scripts/release.sh', ['production']);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await database.drop();
});

const anna = { email: 'Anna@school.example', name: 'Anna' };

it('a student logs in, takes on homework, hands it in and gets a grade', async () => {
  expect((await app.ask('/api/users/anna', anna)).body).toMatchObject({
    email: 'anna@school.example',
    premium_tier: 'basic',
  });
  const session = `/api/sessions/${randomUUID()}`;
  expect((await app.ask(session, { user_id: 'anna' })).status).toBe(200);
  expect((await app.ask(session)).body).toMatchObject({ user_id: 'anna' });
  const homework = `/api/homework/${randomUUID()}`;
  const task = { user_id: 'anna', subject: 'History', title: 'Rome' };
  expect((await app.ask(homework, task)).body).toMatchObject({ status: 'open' });
  expect((await app.ask(`${homework}/submission`, { answer: 'Not in a day' })).status).toBe(200);
  expect((await app.ask(`${homework}/grade`, { grade: 2 })).body).toMatchObject({ grade: 2 });
  expect((await app.ask('/api/users/anna/homework')).body).toEqual([
    expect.objectContaining({ title: 'Rome', status: 'graded', grade: 2 }),
  ]);
});

it('a user becomes a teacher of one school, whatever is sent twice', async () => {
  await app.ask('/api/users/theo', { email: 'theo@school.example', name: 'Theo' });
  expect((await app.ask('/api/teachers/theo')).status).toBe(404);
  await app.ask('/api/teachers/theo', { school_name: 'North' });
  await app.ask('/api/teachers/theo', { school_name: 'South' });
  expect((await app.ask('/api/teachers/theo')).body).toMatchObject({ school_name: 'South' });
});

it('what the caller got wrong is answered with 4xx and never ends the process', async () => {
  await app.ask('/api/users/anna', anna);
  expect((await app.ask('/api/users/nobody')).status).toBe(404);
  expect((await app.ask('/api/users/ben', { email: 'ben@school.example' })).status).toBe(400);
  expect((await app.ask('/api/users/ben', { ...anna, name: 'Ben' })).status).toBe(409);
  expect((await app.ask('/api/sessions/not-a-uuid')).status).toBe(400);
  expect((await app.ask('/api/users/%E0%A4%A')).status).toBe(400);
  expect((await app.ask('//')).status).toBe(404);
  expect((await app.ask('/api/health')).status).toBe(200);
});

it('a basic user may keep fifty pieces of homework open', async () => {
  await using session = await connect(database.address, { purpose: 'test' });
  await app.ask('/api/users/busy', { email: 'busy@school.example', name: 'Busy' });
  await session.execute(
    `INSERT INTO homework (homework_id, user_id, subject, title)
     SELECT gen_random_uuid(), 'busy', 'Physics', n::text FROM generate_series(1, 50) AS n`,
  );
  const one = { user_id: 'busy', subject: 'Physics', title: '51' };
  expect((await app.ask(`/api/homework/${randomUUID()}`, one)).status).toBe(403);
});

it('a request waits while a restore ends the sessions and swaps the names', async () => {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  const { database: name } = database.address;
  await app.ask('/api/users/anna', anna);
  await server.execute(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await server.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
    name,
  ]);
  await server.execute(`ALTER DATABASE ${name} RENAME TO ${name}_away`);
  const answer = app.ask('/api/users/anna');
  await server.execute('SELECT pg_sleep(0.3)');
  await server.execute(`ALTER DATABASE ${name}_away RENAME TO ${name}`);
  await server.execute(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  expect((await answer).status).toBe(200);
});

describe('the detailed health', () => {
  it('is 200 when the database has what the code needs', async () => {
    const { status, body } = await app.ask('/api/health/detailed');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'healthy',
      checks: { ledger: { version: '008', requires: '008' }, 'premium tiers': { ok: true } },
    });
  });

  it('is 503 when the database is a migration behind the code', async () => {
    await using session = await connect(database.address, { purpose: 'test' });
    await session.execute('CREATE TABLE kept AS SELECT * FROM drydock.ledger');
    await session.execute("DELETE FROM drydock.ledger WHERE version = '008'");
    const { status, body } = await app.ask('/api/health/detailed');
    await session.execute("INSERT INTO drydock.ledger SELECT * FROM kept WHERE version = '008'");
    await session.execute('DROP TABLE kept');
    expect(status).toBe(503);
    expect(body).toMatchObject({
      checks: { ledger: { message: 'the database is at 007, this code needs 008' } },
    });
  });
});

it('traffic gives an honest account, and every acknowledged write is found', async () => {
  await app.run('npm', ['run', '-s', 'seed', '--', '--users', '100']);
  const traffic = await app.run('node', [
    ...['--import', 'jiti/register', 'scripts/traffic.ts', '--url', app.address],
    ...['--users', '100', '--seconds', '2', '--acknowledged', 'writes.txt'],
  ]);
  const account = JSON.parse(traffic.stdout);
  expect(account).toMatchObject({ failures: 0, failuresByStatus: {} });
  expect(account.requests).toBeGreaterThan(account.acknowledgedWrites);
  expect(account.acknowledgedWrites).toBeGreaterThan(0);

  await using session = await connect(database.address, { purpose: 'test' });
  const check = async () =>
    JSON.parse(
      (
        await app.run('node', [
          ...['--import', 'jiti/register', 'scripts/acknowledged.ts', 'writes.txt'],
        ])
      ).stdout,
    );
  expect(await check()).toMatchObject({ found: account.acknowledgedWrites, lost: 0 });
  await session.execute('DELETE FROM sessions');
  expect((await check()).lost).toBeGreaterThan(0);
});

it('008 is the text of the runbook, byte for byte', async () => {
  const file = join(exampleFolder, 'backend', 'migrations', '008_add_teacher_mode.sql');
  expect(await readFile(file, 'utf8')).toBe(`BEGIN;

ALTER TABLE users ADD COLUMN IF NOT EXISTS is_teacher BOOLEAN DEFAULT false;
CREATE INDEX IF NOT EXISTS idx_users_is_teacher ON users(is_teacher);

CREATE TABLE IF NOT EXISTS teacher_profiles (
    id SERIAL PRIMARY KEY,
    user_id VARCHAR(255) REFERENCES users(user_id),
    school_name VARCHAR(255),
    created_at TIMESTAMP DEFAULT NOW()
);

COMMIT;
`);
});

it('the configuration names three environments in order, each with its health address', async () => {
  const variables = { PRODUCTION_DATABASE_URL: app.databaseUrl };
  const { environments } = await loadConfig({ cwd: app.folder, variables });
  expect(environments.map(({ name, health }) => [name, health])).toEqual([
    ['dev', 'http://127.0.0.1:3000/api/health/detailed'],
    ['staging', 'http://127.0.0.1:3001/api/health/detailed'],
    ['production', 'http://127.0.0.1:3002/api/health/detailed'],
  ]);
});
