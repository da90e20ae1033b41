// A prepared transaction in the way: no session has it, so it is named by what ends it.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { testContext } from '../../test/database.ts';
import { planOf } from '../../test/migrations.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { type SandboxServer, startServer } from '../sandbox/server.ts';
import { applyPlan } from './apply.ts';
import type { ApplyReport } from './report.ts';

let server: SandboxServer;
let database: Database;

beforeAll(async () => {
  const settings = { max_prepared_transactions: '5' };
  server = await startServer(testContext(), { purpose: 'test', settings });
  database = await connect(server.address('postgres'), { purpose: 'test' });
  await database.execute('CREATE TABLE users (id int)');
});

afterAll(async () => {
  await database.close();
  await server.stop();
});

async function apply(sql: string): Promise<ApplyReport> {
  const policy = { lockPatienceMs: 100, concurrentPatienceMs: 100 };
  const address = server.address('postgres');
  return applyPlan(testContext(), {
    address,
    plan: await planOf({ '001_a': sql }),
    appliedBy: 'me',
    policy,
  });
}

it.each([
  ['a transaction', 'ALTER TABLE users ADD COLUMN a int'],
  ['CONCURRENTLY', 'CREATE INDEX CONCURRENTLY i ON users (id)'],
])('is named with the command that ends it: %s', async (_, sql) => {
  await database.execute("BEGIN; INSERT INTO users VALUES (1); PREPARE TRANSACTION 'it''s 1'");
  await expect(apply(sql)).rejects.toMatchObject({
    code: 'apply/lock-not-obtained',
    message: expect.stringMatching(
      /the prepared transaction 'it''s 1' \(postgres, in a transaction for/,
    ),
    hint: expect.stringContaining("COMMIT PREPARED 'it''s 1' or ROLLBACK PREPARED 'it''s 1'"),
  });
  await database.execute("ROLLBACK PREPARED 'it''s 1'");
  await apply(sql);
});
