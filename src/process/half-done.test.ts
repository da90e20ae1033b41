import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestProject, testProject } from '../../test/project.ts';
import { readJournal } from '../history/journal.ts';
import { readLedger } from '../history/ledger.ts';
import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { applyChange } from '../safe-change.ts';
import { abandonMigration, markApplied } from './half-done.ts';

const environment = 'dev';
const answers = { plan: async () => true, final: async () => true };
const ask = async (): Promise<boolean> => true;

let project: TestProject;
let address: Address;

beforeEach(async () => {
  project = await testProject(
    { dev: {} },
    'CREATE TABLE users (id int); INSERT INTO users VALUES (1), (1)',
  );
  address = (project.databases.dev as { address: Address }).address;
});

afterEach(() => project[Symbol.asyncDispose]());

async function apply(resume = false): Promise<unknown> {
  return applyChange(project, { environment, answers, waivers: [], resume });
}

async function inDatabase<Row extends object>(sql: string): Promise<Row[]> {
  await using database = await connect(address, { purpose: 'test' });
  return await database.query<Row>(sql);
}

async function ledger(): Promise<string[]> {
  await using database = await connect(address, { purpose: 'test' });
  const rows = await readLedger(database);
  return rows.map(({ name, state, stepsDone, stepsTotal }) =>
    [name, state, `${stepsDone}/${stepsTotal}`].join(' '),
  );
}

async function lastCommand(): Promise<unknown> {
  await using database = await connect(address, { purpose: 'test' });
  return (await readJournal(database, 1))[0]?.entry;
}

const first = 'CREATE TABLE a (x int);';
const broken = `BEGIN; ${first} COMMIT;\nCREATE UNIQUE INDEX CONCURRENTLY i ON users (id);`;
const corrected = `BEGIN; ${first} COMMIT;\nCREATE INDEX CONCURRENTLY i ON users (id);`;

async function stopHalfWay(): Promise<void> {
  project.write('001_a', broken);
  await expect(apply()).rejects.toMatchObject({
    code: 'apply/half-done',
    hint: expect.stringMatching(/type the same command again.*--resume.*--abandon/),
  });
}

describe('a migration that stopped half-way', () => {
  it('goes on by the same command when the data was corrected, and says from where', async () => {
    await stopHalfWay();
    await inDatabase('DELETE FROM users');
    await apply();
    expect(await ledger()).toEqual(['001_a complete 2/2']);
    expect(project.context.events).toContainEqual({
      kind: 'note',
      text: '1 of 2 steps of 001_a are in force: it goes on from step 2',
    });
  });

  it('goes on with a corrected file when a person says so', async () => {
    await stopHalfWay();
    project.write('001_a', corrected);
    await expect(apply()).rejects.toMatchObject({
      code: 'migration/checksum-mismatch',
      hint: expect.stringContaining('drydock apply dev --resume'),
    });
    await apply(true);
    expect(await ledger()).toEqual(['001_a complete 2/2']);
    expect(await apply()).toMatchObject({ outcome: 'nothing pending' });
  });

  it('does not go on when a step that is in force was edited', async () => {
    await stopHalfWay();
    project.write('001_a', corrected.replace('x int', 'y int'));
    await expect(apply(true)).rejects.toMatchObject({
      code: 'migration/steps-changed',
      message: 'step 1 of 001_a is in force and was edited',
    });
  });

  it('is abandoned: what is in force stays, the rest is never run, the journal knows why', async () => {
    await stopHalfWay();
    const report = await abandonMigration(project, { environment, reason: 'another way', ask });
    expect(report).toMatchObject({ decision: 'abandoned', stepsDone: 1, stepsTotal: 2 });
    expect(await ledger()).toEqual(['001_a abandoned 1/2']);
    expect(await lastCommand()).toMatchObject({
      command: 'abandon',
      who: 'ana',
      details: { migration: '001_a', reason: 'another way' },
    });
    project.write('002_b', 'CREATE TABLE b ();');
    await apply();
    expect(await ledger()).toEqual(['001_a abandoned 1/2', '002_b complete 1/1']);
  });

  it('of which nothing is in force is cleared away, and pending as before', async () => {
    project.write('001_a', 'CREATE UNIQUE INDEX CONCURRENTLY i ON users (id);');
    await expect(apply()).rejects.toMatchObject({ code: 'apply/rolled-back' });
    expect(await abandonMigration(project, { environment, reason: undefined, ask })).toMatchObject({
      decision: 'cleared',
    });
    expect(await ledger()).toEqual([]);
    await expect(
      abandonMigration(project, { environment, reason: undefined, ask }),
    ).rejects.toMatchObject({ code: 'migration/nothing-half-done' });
  });

  it('counts as applied when a person has done the rest by hand', async () => {
    await stopHalfWay();
    const request = { environment, migration: '1', reason: 'built by hand at night', ask };
    expect(await markApplied(project, request)).toMatchObject({ decision: 'marked as applied' });
    expect(await ledger()).toEqual(['001_a complete 2/2']);
    expect(await lastCommand()).toMatchObject({
      command: 'mark-applied',
      details: { reason: 'built by hand at night' },
    });
    await expect(markApplied(project, request)).rejects.toMatchObject({
      code: 'migration/already-in-force',
    });
  });

  it('stays as it is when the question is answered with no', async () => {
    await stopHalfWay();
    const no = async (): Promise<boolean> => false;
    const request = { environment, reason: 'x', ask: no };
    expect(await abandonMigration(project, request)).toMatchObject({ decision: 'declined' });
    expect(await markApplied(project, { ...request, migration: '001' })).toMatchObject({
      decision: 'declined',
    });
    expect(await ledger()).toEqual(['001_a partial 1/2']);
  });

  it('is what a resume needs', async () => {
    project.write('001_a', first);
    await expect(apply(true)).rejects.toMatchObject({ code: 'migration/nothing-half-done' });
  });
});

describe('two applies at once', () => {
  it('one runs, the other waits for its end and finds the work done', async () => {
    project.write('001_a', 'CREATE TABLE a (); SELECT pg_sleep(1);');
    const both = await Promise.allSettled([apply(), apply()]);
    const outcomes = both.map((each) =>
      each.status === 'fulfilled' ? 'applied' : (each.reason as { code: string }).code,
    );
    expect(outcomes.sort()).toEqual(['applied', 'migration/plan-changed']);
    expect(await ledger()).toEqual(['001_a complete 1/1']);
  });
});
