import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test/database.ts';
import { install } from '../history/install.ts';
import { recordStep } from '../history/ledger.ts';
import { connect } from '../postgres/connect.ts';
import { detailedHealth, healthHandler } from './detailed.ts';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await testDatabase();
  pool = poolOf(database);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

function poolOf({ address }: TestDatabase): pg.Pool {
  const opened = new pg.Pool({ connectionString: address.connectionString() });
  opened.on('error', () => {});
  return opened;
}

describe('a database without a ledger', () => {
  it('is healthy for code that needs no migration, and the check says so', async () => {
    const report = await detailedHealth({ pool, release: 'abc' });
    expect(report).toMatchObject({
      status: 'healthy',
      statusCode: 200,
      release: 'abc',
      checks: {
        database: { ok: true, ms: expect.any(Number) },
        ledger: { ok: true, version: null, requires: null, message: 'no ledger' },
      },
    });
  });

  it('is unhealthy for code that needs one', async () => {
    const report = await detailedHealth({ pool, requires: '008' });
    expect(report.statusCode).toBe(503);
    expect(report.checks.ledger).toMatchObject({ ok: false, message: 'no ledger' });
  });
});

describe('a database with a ledger', () => {
  let migrated: TestDatabase;
  let migratedPool: pg.Pool;

  beforeAll(async () => {
    migrated = await testDatabase();
    migratedPool = poolOf(migrated);
    await using session = await connect(migrated.address, { purpose: 'test' });
    await install(session);
    for (const version of ['007', '9', '010']) {
      await recordStep(session, {
        version,
        name: `${version}_x`,
        checksum: '',
        plan: '',
        stepsDone: 1,
        stepsTotal: version === '010' ? 2 : 1,
        appliedBy: 'test',
        durationMs: 1,
        backup: null,
      });
    }
  });

  afterAll(async () => {
    await migratedPool.end();
    await migrated.drop();
  });

  const ledgerFor = async (requires: string) =>
    (await detailedHealth({ pool: migratedPool, requires })).checks.ledger;

  it('is healthy when it has what the code needs, or more', async () => {
    expect(await ledgerFor('008')).toMatchObject({ ok: true, version: '9', requires: '008' });
    expect(await ledgerFor('009')).toMatchObject({ ok: true });
  });

  it('is unhealthy when it is behind, by value and not by letters', async () => {
    expect(await ledgerFor('20251015120000')).toMatchObject({ ok: false, version: '9' });
  });

  it('is unhealthy when a migration that the code needs is half applied', async () => {
    expect(await ledgerFor('010')).toMatchObject({
      ok: false,
      message: 'migration 010 is only partly applied',
    });
  });

  it('is unhealthy for a requirement that is no number', async () => {
    expect(await ledgerFor('eight')).toMatchObject({ ok: false });
  });

  it('says so when the ledger may not be read', async () => {
    const role = `reader_${database.address.database}`;
    await migratedPool.query(`CREATE ROLE ${role}`);
    const client = new pg.Pool({
      connectionString: migrated.address.connectionString(),
      options: `-c role=${role}`,
    });
    const { checks } = await detailedHealth({ pool: client, requires: '008' });
    await client.end();
    await migratedPool.query(`DROP ROLE ${role}`);
    expect(checks.ledger).toMatchObject({
      ok: false,
      message: 'the ledger cannot be read (42501)',
    });
  });
});

it('a database that refuses connections is unhealthy, and its address stays a secret', async () => {
  const away = new pg.Pool({ connectionString: 'postgresql://anna:secret@127.0.0.1:1/school' });
  const report = await detailedHealth({ pool: away, requires: '008' });
  await away.end();
  expect(report.statusCode).toBe(503);
  expect(report.checks.database.message).toBe('failed (ECONNREFUSED)');
  expect(report.checks.ledger).toMatchObject({ ok: false, version: null });
  expect(JSON.stringify(report)).not.toMatch(/secret|anna|127\.0\.0\.1|at /);
});

it('a database that hangs is given up after the time-out, and is not asked twice', async () => {
  await using gone = await testDatabase();
  const single = new pg.Pool({ connectionString: gone.address.connectionString(), max: 1 });
  const busy = single.query('SELECT pg_sleep(0.6)');
  const first = await detailedHealth({ pool: single, timeoutMs: 50 });
  const second = await detailedHealth({ pool: single, timeoutMs: 50 });
  expect(first.checks.database).toMatchObject({ ok: false, message: 'no answer within 50 ms' });
  expect(second.figures.pool).toEqual({ total: 1, idle: 0, waiting: 1 });
  await busy;
  expect((await detailedHealth({ pool: single })).status).toBe('healthy');
  await single.end();
});

describe('a probe of the application', () => {
  it('is one more check', async () => {
    const report = await detailedHealth({ pool, probes: { mail: async () => undefined } });
    expect(report.checks.mail).toMatchObject({ ok: true });
  });

  it('makes the report unhealthy with the sentence that it returns', async () => {
    const report = await detailedHealth({
      pool,
      probes: { mail: async () => 'the queue is full' },
    });
    expect(report.statusCode).toBe(503);
    expect(report.checks.mail).toMatchObject({ ok: false, message: 'the queue is full' });
  });

  it('that throws or hangs is a problem, and its text is told to nobody', async () => {
    const report = await detailedHealth({
      pool,
      timeoutMs: 1_000,
      probes: {
        throws: () => {
          throw new Error('the password is 1234');
        },
        refused: async () => (await pool.query('SELECT * FROM nowhere')).rows[0],
        hangs: () => new Promise(() => {}),
      },
    });
    expect(report.checks.throws?.message).toBe('failed');
    expect(report.checks.refused?.message).toBe('failed (42P01)');
    expect(report.checks.hangs?.message).toBe('no answer within 1000 ms');
  });

  it('cannot hide the check of the database', async () => {
    const away = { query: () => Promise.reject(new Error('away')) };
    const report = await detailedHealth({
      pool: away,
      probes: { database: async () => undefined },
    });
    expect(report.checks.database.ok).toBe(false);
  });
});

it('the figures hold memory and, from the second report on, the delay of the event loop', async () => {
  await detailedHealth({ pool });
  await sleep(100);
  const { figures } = await detailedHealth({ pool });
  expect(figures.memory.rssBytes).toBeGreaterThan(figures.memory.heapUsedBytes / 2);
  expect(figures.eventLoop.maxDelayMs).toBeGreaterThanOrEqual(0);
});

it('the handler answers over http with the status and the report', async () => {
  const handle = healthHandler({ pool, requires: '008', release: 'abc' });
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const response = await fetch(`http://127.0.0.1:${port}/`);
  expect(response.status).toBe(503);
  expect(response.headers.get('content-type')).toContain('application/json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(await response.json()).toMatchObject({ status: 'unhealthy', release: 'abc' });
  server.close();
});
