// transaction_timeout (17 and newer): no limit of the role gets in the way, and Drydock's own holds.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { testContext } from '../../test/database.ts';
import { installEmbedded } from '../../test/embedded.ts';
import { planOf } from '../../test/migrations.ts';
import { type ServerOwner, startServerOwner } from '../../test/server-owner.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { serverFor } from '../sandbox/server-programs.ts';
import { applyPlan } from './apply.ts';
import type { PolicyParts } from './apply-policy.ts';

const major = 17;
// A machine without server programs of 17 or newer has them for this test alone.
let project: string;
let reason: string | undefined;
let server: ServerOwner | undefined;
let database: Database;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'drydock-test-'));
  const isThere = await serverFor(major).then(
    () => true,
    () => false,
  );
  reason = isThere ? undefined : await installEmbedded(major, project);
  if (reason !== undefined) return;
  server = await startServerOwner({ major, cwd: project });
  database = await connect(server.address, { purpose: 'test' });
  await database.execute("ALTER ROLE postgres SET transaction_timeout = '500ms'");
}, 180_000);

afterAll(async () => {
  await database?.close();
  await server?.kill();
  await rm(project, { recursive: true });
});

describe('transaction_timeout', () => {
  beforeEach((test) => {
    if (reason !== undefined) test.skip(reason);
  });

  async function apply(sql: string, policy: PolicyParts, name = '001_a'): Promise<unknown> {
    if (server === undefined) throw new Error('no server was started');
    const { address } = server;
    const plan = await planOf({ [name]: sql });
    return applyPlan(testContext(), { address, plan, appliedBy: 'me', policy });
  }

  it('of the role does not end a transaction of a migration', async () => {
    await apply('CREATE TABLE a (); SELECT pg_sleep(0.4); SELECT pg_sleep(0.4)', {});
    expect(await database.query("SELECT FROM drydock.steps WHERE outcome = 'done'")).toHaveLength(
      1,
    );
  });

  it('ends a transaction whose statements together take longer than one may', async () => {
    const sql = 'CREATE TABLE b (); SELECT pg_sleep(0.7); SELECT pg_sleep(0.7)';
    await expect(apply(sql, { statementLimitMs: 1_000 })).rejects.toMatchObject({
      databaseState: 'rolled-back',
    });
    expect(await database.query("SELECT FROM pg_class WHERE relname = 'b'")).toHaveLength(0);
  });

  it.each([
    ['003_c', "SET transaction_timeout = '1min'; CREATE TABLE c (); WAIT"],
    ['004_d', "CREATE TABLE d (); SET LOCAL transaction_timeout = '1min'; WAIT"],
    ['005_e', "SET transaction_timeout = '1min'; BEGIN; CREATE TABLE e (); COMMIT; WAIT"],
  ])('of a file holds, longer than the one of Drydock: %s', async (name, sql) => {
    const waiting = sql.replace('WAIT', 'SELECT pg_sleep(0.7); SELECT pg_sleep(0.7)');
    await apply(waiting, { statementLimitMs: 1_000 }, name);
    const table = name.slice(-1);
    const found = await database.query('SELECT FROM pg_class WHERE relname = $1', [table]);
    expect(found).toHaveLength(1);
  });
});
