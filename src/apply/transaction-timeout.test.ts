// transaction_timeout (17 and newer): no limit of the role gets in the way, and Drydock's own holds.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testContext } from '../../test/database.ts';
import { planOf } from '../../test/migrations.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { type SandboxServer, startServer } from '../sandbox/server.ts';
import { serverFor } from '../sandbox/server-programs.ts';
import { applyPlan } from './apply.ts';
import type { PolicyParts } from './apply-options.ts';

const major = await serverFor(17).then(
  (found) => found.major,
  () => undefined,
);

// Machines without server programs of 17 or newer have nothing to try it on.
describe.skipIf(major === undefined)('transaction_timeout', () => {
  let server: SandboxServer;
  let database: Database;

  beforeAll(async () => {
    server = await startServer(testContext(), { purpose: 'test', major: major ?? 17 });
    database = await connect(server.address('postgres'), { purpose: 'test' });
    await database.execute("ALTER ROLE postgres SET transaction_timeout = '500ms'");
  });

  afterAll(async () => {
    await database.close();
    await server.stop();
  });

  async function apply(sql: string, policy: PolicyParts): Promise<unknown> {
    const address = server.address('postgres');
    const plan = await planOf({ '001_a': sql });
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
});
