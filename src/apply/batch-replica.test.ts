// Batches beside a streaming replica that does not keep up.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { testContext } from '../../test/database.ts';
import { planOf } from '../../test/migrations.ts';
import { type Pair, startPair } from '../../test/standby.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { applyPlan } from './apply.ts';

let pair: Pair;
let primary: Database;
let standby: Database;

beforeAll(async () => {
  pair = await startPair();
  primary = await connect(pair.primary('postgres'), { purpose: 'test' });
  standby = await connect(pair.standby('postgres'), { purpose: 'test' });
  await primary.execute(
    `CREATE TABLE users (id int PRIMARY KEY, email text, lowered text);
     INSERT INTO users SELECT n, 'User' || n FROM generate_series(1, 3000) n`,
  );
}, 60_000);

afterAll(async () => {
  await standby?.close();
  await primary?.close();
  await pair?.stop();
});

it('wait for a replica that is far behind, and go on when it has caught up', async () => {
  await expect
    .poll(() => standby.query('SELECT FROM users').catch(() => []), { timeout: 20_000 })
    .toHaveLength(3000);
  await standby.execute('SELECT pg_wal_replay_pause()');
  // More than what a replica may be behind: 128 MB.
  await primary.execute(
    `SELECT pg_logical_emit_message(false, 'test', repeat(md5(n::text), 32768))
       FROM generate_series(1, 140) n`,
  );
  const context = testContext();
  const plan = await planOf({
    '001_fill': '-- drydock: batch size=1000 pause=0\nUPDATE users SET lowered = lower(email);\n',
  });
  const address = pair.primary('postgres');
  const applying = applyPlan(context, { address, plan, appliedBy: 'me' });
  const texts = () => context.events.map((event) => ('text' in event ? event.text : ''));
  await expect
    .poll(texts, { timeout: 20_000 })
    .toContainEqual(expect.stringMatching(/^waits for a replica that is .* behind$/));
  expect(await primary.query('SELECT FROM users WHERE lowered IS NOT NULL')).toEqual([]);
  await standby.execute('SELECT pg_wal_replay_resume()');
  expect((await applying).statements[0]?.rows).toBe(3000);
}, 60_000);
