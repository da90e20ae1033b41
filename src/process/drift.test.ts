import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lastEntry } from '../../test/command.ts';
import { testDatabase } from '../../test/database.ts';
import { type TestProject, testProject } from '../../test/project.ts';
import { schemaDrift } from '../history/expected-schema.ts';
import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { applyChange } from '../safe-change.ts';
import { adoptSchema } from './acceptance.ts';
import type { ChangeReport } from './change-report.ts';
import { statusOf } from './outlook.ts';

let project: TestProject;

beforeEach(async () => {
  project = await testProject(
    { dev: {}, staging: { after: 'dev', guarded: false } },
    'CREATE TABLE users (id int, email varchar(255))',
  );
  project.write('001_a', 'CREATE TABLE a (x int);\n');
  await apply('dev');
  await apply('staging');
  project.write('002_b', 'CREATE TABLE b (x int);\n');
});

afterEach(() => project[Symbol.asyncDispose]());

function apply(environment: string): Promise<ChangeReport> {
  const answers = { plan: async () => true, final: async () => true };
  return applyChange(project, { environment, answers, waivers: [] });
}

function addressOf(environment: string): Address {
  const found = project.databases[environment];
  if (found === undefined) throw new Error(`no database for ${environment}`);
  return found.address;
}

async function byHand(environment: string, sql: string): Promise<void> {
  await using database = await connect(addressOf(environment), { purpose: 'test' });
  await database.execute(sql);
}

async function driftOf(environment: string): Promise<readonly string[] | undefined> {
  return (await statusOf(project, environment))[0]?.drift;
}

const change =
  'ALTER TABLE users ALTER email TYPE text; CREATE INDEX users_email_idx ON users (email)';
const inWords = [
  'column users.email: type text, was varchar(255)',
  'index users_email_idx on users is new',
];

describe('a schema that was changed by hand', () => {
  it('stops an apply until a person accepts it', async () => {
    await byHand('staging', change);
    expect(await driftOf('staging')).toEqual(inWords);
    await expect(apply('staging')).rejects.toMatchObject({
      code: 'history/schema-drifted',
      databaseState: 'untouched',
      message: `the schema of staging was changed by hand since the last apply: ${inWords.join('; ')}`,
      hint: expect.stringContaining('drydock adopt staging --reason'),
    });
    const request = { environment: 'staging', reason: 'the incident of 12 May' };
    expect(await adoptSchema(project, request)).toMatchObject({ accepted: inWords });
    expect(await lastEntry(addressOf('staging'))).toMatchObject({
      command: 'adopt',
      details: { reason: 'the incident of 12 May', accepted: inWords },
    });
    expect(await driftOf('staging')).toEqual([]);
    expect((await apply('staging')).outcome).toBe('applied');
  });

  it('does not stop one that comes after it was taken back', async () => {
    await byHand('staging', 'CREATE INDEX extra ON users (id)');
    await byHand('staging', 'DROP INDEX extra');
    expect((await apply('staging')).outcome).toBe('applied');
  });

  it('is only said where people try things by hand', async () => {
    await byHand('dev', 'CREATE TABLE b (x int); ALTER TABLE b ADD y int');
    project.write('002_b', 'CREATE TABLE IF NOT EXISTS b (x int);\n');
    expect((await apply('dev')).outcome).toBe('applied');
    expect(project.context.events).toContainEqual({
      kind: 'note',
      text: 'the schema of dev was changed by hand since the last apply: table b is new',
    });
    expect(await driftOf('dev')).toEqual([]);
  });
});

describe('what is no drift', () => {
  it('is an apply that failed half-way', async () => {
    project.write('002_b', 'CREATE TABLE b (x int);\n');
    project.write('003_c', 'SELECT 1 / 0;\n');
    await expect(apply('staging')).rejects.toMatchObject({ databaseState: 'changed' });
    expect(await driftOf('staging')).toEqual([]);
    await byHand('staging', 'DROP TABLE b');
    expect(await driftOf('staging')).toEqual(['table b is missing']);
  });

  it('is an apply that was killed before it could look at the schema', async () => {
    await byHand('staging', 'CREATE TABLE b (x int); UPDATE drydock.ledger SET steps_done = 2');
    expect(await driftOf('staging')).toEqual([]);
  });

  it('is a copy of the database, whose catalogs were written anew', async () => {
    await using copy = await testDatabase({ template: addressOf('staging').database });
    await using database = await connect(copy.address, { purpose: 'test' });
    await database.execute('VACUUM FULL pg_class');
    await database.execute('CREATE TABLE drydock.more ()');
    expect(await schemaDrift(database)).toEqual([]);
  });

  it('is a database of which nothing is known yet', async () => {
    await using fresh = await testDatabase();
    await using database = await connect(fresh.address, { purpose: 'test' });
    expect(await schemaDrift(database)).toEqual([]);
  });
});
