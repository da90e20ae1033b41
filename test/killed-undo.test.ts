// kill -9 at any moment of an undo: the same command goes on, and everything is as it was before the change.
// `script/soak undo` kills more of them.

import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Address } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { schemaFacts } from '../src/postgres/fingerprint.ts';
import { type CommandProject, commandProject, lastEntry } from './command.ts';
import { onServer, type TestDatabase, testDatabase } from './database.ts';

const schema = `
  CREATE TABLE accounts (id int PRIMARY KEY, name text NOT NULL, balance numeric(14, 3), note text);
  CREATE TABLE entries (id int PRIMARY KEY, account int NOT NULL REFERENCES accounts, amount int);
  CREATE TABLE odd (account int, word text);
  INSERT INTO accounts SELECT i, 'seed ' || i, i + 0.125, 'note ' || i FROM generate_series(1, 6000) i;
  INSERT INTO entries SELECT i, i, i FROM generate_series(1, 6000) i;
  INSERT INTO odd SELECT i, 'w' || i FROM generate_series(1, 200) i`;

const migration = `-- A bad day.
BEGIN;
ALTER TABLE accounts ALTER balance TYPE int;
UPDATE accounts SET name = 'spoilt' WHERE id % 3 = 0;
DELETE FROM entries WHERE id % 3 = 0;
DELETE FROM odd WHERE account % 5 = 0;
INSERT INTO entries SELECT 100000 + id, id, -1 FROM accounts WHERE id <= 50;
ALTER TABLE accounts DROP COLUMN note;
ALTER TABLE entries RENAME amount TO cents;
COMMIT;
`;

const kills = Number(process.env.UNDO_KILLS ?? 6);
let databases: Record<'dev' | 'production', TestDatabase>;
let project: CommandProject;
let before: object;

beforeAll(async () => {
  databases = {
    dev: await testDatabase({ sql: schema }),
    production: await testDatabase({ sql: schema }),
  };
  project = await commandProject({
    databases: {
      dev: databases.dev.address.connectionString(),
      production: databases.production.address.connectionString(),
    },
    migrations: { '001_bad.sql': migration },
    rules: { production: { after: 'dev', soak: '0s', undo: true } },
  });
  before = await contentsOf(databases.production.address);
  await succeed(['apply', 'dev']);
  const waived = ['no-destructive-statements', 're-runnable', 'monitoring-ready', 'check-clean'];
  await succeed([
    ...['apply', 'production', ...yesTo(databases.production.address), '--told-by', 'Ana'],
    ...[...waived, 'rehearsed-within-budget'].flatMap((gate) => ['--waive', `${gate}=a test`]),
  ]);
}, 120_000);

afterAll(async () => {
  await project?.[Symbol.asyncDispose]();
  for (const database of Object.values(databases ?? {})) await database.drop();
});

const yesTo = (address: Address): string[] => ['--yes', '--confirm', address.database];

async function succeed(args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<void> {
  const { exitCode, stdout, stderr } = await project.drydock(args, variables);
  expect(exitCode, `${stdout}${stderr}`).toBe(0);
}

async function contentsOf(address: Address): Promise<object> {
  await using database = await connect(address, { purpose: 'test' });
  const [hashes] = await database.query<object>(
    `SELECT (SELECT md5(string_agg(a::text, ',' ORDER BY id)) FROM accounts a) AS accounts,
            (SELECT md5(string_agg(e::text, ',' ORDER BY id)) FROM entries e) AS entries,
            (SELECT md5(string_agg(o::text, ',' ORDER BY o::text)) FROM odd o) AS odd`,
  );
  return { facts: await schemaFacts(database), ...hashes };
}

async function undoOn(
  name: string,
  killAfterMs?: number,
): Promise<{ readonly ms: number; readonly isKilled: boolean }> {
  const address = databases.production.address.withDatabase(name);
  const variables = { PRODUCTION_DATABASE_URL: address.connectionString() };
  const startedAt = performance.now();
  if (killAfterMs === undefined) {
    await succeed(['undo', 'production', ...yesTo(address)], variables);
  } else {
    const running = project.start(['undo', 'production', ...yesTo(address)], variables);
    await setTimeout(killAfterMs);
    const { exitCode } = await running.signal('SIGKILL');
    return { ms: killAfterMs, isKilled: exitCode === null };
  }
  return { ms: performance.now() - startedAt, isKilled: false };
}

it('an undo that is killed goes on by the same command, and nothing of it is done twice', {
  timeout: 60_000 + kills * 20_000,
}, async () => {
  const { database } = databases.production.address;
  const copy = async (name: string): Promise<void> => {
    await onServer(`CREATE DATABASE "${name}" TEMPLATE "${database}"`);
  };
  await copy(`${database}_whole`);
  const { ms } = await undoOn(`${database}_whole`);
  let killed = 0;
  for (let point = 0; point < kills; point += 1) {
    const name = `${database}_k${point}`;
    await copy(name);
    const { isKilled } = await undoOn(name, (ms * (point + 0.5 * Math.random())) / kills);
    const entry = await lastEntry(databases.production.address.withDatabase(name));
    if (isKilled && entry?.command === 'undo' && entry.phase === 'begun') killed += 1;
    const isDone = entry?.command === 'undo' && entry.phase === 'done';
    if (!isDone) await undoOn(name);
    const { facts, ...hashes } = (await contentsOf(
      databases.production.address.withDatabase(name),
    )) as { facts: object };
    expect({ point, ...hashes, facts }).toEqual({ point, ...before });
    await onServer(`DROP DATABASE "${name}" WITH (FORCE)`);
  }
  await onServer(`DROP DATABASE "${database}_whole" WITH (FORCE)`);
  expect(killed).toBeGreaterThan(kills / 6);
});
