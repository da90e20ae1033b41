// The soak as a team sees it: a staging that nobody looked at for a while keeps production closed.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import { type CommandProject, commandProject, drydockJson, type JsonDocument } from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';

let staging: TestDatabase;
let production: TestDatabase;
let project: CommandProject;

beforeAll(async () => {
  staging = await testDatabase();
  production = await testDatabase();
  project = await commandProject({
    databases: {
      staging: staging.address.connectionString(),
      production: production.address.connectionString(),
    },
    migrations: { '001_a.sql': 'CREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY);\n' },
    rules: { production: { after: 'staging', soak: '24h', soakGap: '2h' } },
  });
  expect((await project.drydock(['apply', 'staging'])).exitCode).toBe(0);
  // A day passes.
  await onStaging(
    `UPDATE drydock.ledger SET applied_at = applied_at - interval '25 h';
     UPDATE drydock.health_samples SET at = at - interval '25 h'`,
  );
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await staging.drop();
  await production.drop();
});

async function onStaging(sql: string): Promise<void> {
  await using database = await connect(staging.address, { purpose: 'test' });
  await database.execute(sql);
}

/** Healthy samples on every full hour between these, counted back from now. */
function samples(first: number, last: number): Promise<void> {
  return onStaging(
    `INSERT INTO drydock.health_samples (at, healthy, probes)
     SELECT clock_timestamp() - make_interval(hours => hour), true, '[]'
     FROM generate_series(${first}, ${last}, -1) AS hour`,
  );
}

async function soaked(): Promise<{ state: string; reason: string; howToOpen: string | null }> {
  const { data } = await drydockJson(project, ['preflight', 'production']);
  return data.gates.find(({ id }: { id: string }) => id === 'soaked');
}

async function status(): Promise<JsonDocument['data']> {
  const { data } = await drydockJson(project, ['status', 'production']);
  return data.environments[0].soak;
}

it('a gap in the samples closes the gate of the soak, and it opens without', async () => {
  expect(await soaked()).toMatchObject({
    state: 'closed',
    reason: expect.stringContaining('nobody has looked at staging for more than 2 h'),
    howToOpen: expect.stringContaining('drydock monitor staging'),
  });
  expect(await status()).toMatchObject({ soakedMs: 0, since: null, brokenBy: 'unseen' });

  await samples(24, 14);
  await samples(9, 1);
  expect((await project.drydock(['health', 'staging'])).exitCode).toBe(0);
  expect(await soaked()).toMatchObject({
    state: 'closed',
    reason: expect.stringMatching(/^9 h of 24 h in staging .*after a time in which nobody looked/),
  });
  expect(await status()).toMatchObject({ environment: 'staging', brokenBy: 'unseen' });
  expect((await project.drydock(['status'])).stdout).toMatch(
    /soaked 9 h of 24 h in staging, 15 h left/,
  );

  await samples(13, 10);
  expect(await soaked()).toMatchObject({
    state: 'open',
    reason: '25 h in staging, 24 h wanted',
  });
  expect(await status()).toMatchObject({ leftMs: 0, brokenBy: null });
});
