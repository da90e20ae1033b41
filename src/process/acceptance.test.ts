import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lastEntry } from '../../test/command.ts';
import { type TestProject, testProject } from '../../test/project.ts';
import { applyChange } from '../safe-change.ts';
import { type ResignReport, resignMigration } from './acceptance.ts';
import type { ChangeReport } from './change-report.ts';
import { statusOf } from './outlook.ts';

let project: TestProject;

beforeEach(async () => {
  project = await testProject({ dev: {}, shared: { outOfOrder: 'warn', guarded: false } });
  project.write('001_a', 'CREATE TABLE a (x int);\n');
  await apply();
});

afterEach(() => project[Symbol.asyncDispose]());

function apply(environment = 'dev'): Promise<ChangeReport> {
  const answers = { plan: async () => true, final: async () => true };
  return applyChange(project, { environment, answers, waivers: [] });
}

function resign(migration: string): Promise<ResignReport> {
  return resignMigration(project, { environment: 'dev', migration, reason: 'may run twice' });
}

describe('an edited migration', () => {
  it('is no other one for its comments and its layout', async () => {
    project.write('001_a', '-- The table of a.\r\nCREATE TABLE a (\r\n  x int\r\n);\r\n');
    expect((await apply()).outcome).toBe('nothing pending');
  });

  it('is refused until somebody accepts it, with a reason', async () => {
    project.write('001_a', 'CREATE TABLE IF NOT EXISTS a (x int);\n');
    await expect(apply()).rejects.toMatchObject({
      code: 'migration/checksum-mismatch',
      hint: expect.stringContaining('drydock resign dev 001 --reason'),
    });
    expect(await resign('1')).toEqual({ environment: 'dev', migration: '001_a', changed: true });
    const { address } = project.databases.dev ?? (undefined as never);
    expect(await lastEntry(address)).toMatchObject({
      command: 'resign',
      phase: 'done',
      who: 'ana',
      details: { migration: '001_a', reason: 'may run twice' },
    });
    const [status] = await statusOf(project, 'dev');
    expect(status?.migrations.map(({ state }) => state)).toEqual(['applied']);
    expect((await apply()).outcome).toBe('nothing pending');
  });

  it('is not accepted when there is no such file, or it was never applied', async () => {
    project.write('002_b', 'CREATE TABLE b ();\n');
    await expect(resign('009')).rejects.toMatchObject({ code: 'migration/not-found' });
    await expect(resign('002_b.sql')).rejects.toMatchObject({ code: 'migration/not-in-force' });
  });

  it('that is in force half-way is not accepted with another number of steps', async () => {
    project.write('002_b', '-- drydock: no-transaction\nCREATE TABLE b ();\nSELECT 1 / 0;\n');
    await expect(apply()).rejects.toMatchObject({ databaseState: 'changed' });
    project.write('002_b', '-- drydock: no-transaction\nCREATE TABLE b ();\n');
    await expect(resign('002')).rejects.toMatchObject({ code: 'migration/steps-changed' });
    project.write('002_b', '-- drydock: no-transaction\nCREATE TABLE b ();\nSELECT 1 / 1;\n');
    expect(await resign('002')).toMatchObject({ changed: true });
    expect((await apply()).outcome).toBe('applied');
  });

  it('needs no word when it says the same', async () => {
    expect(await resign('001_a.sql')).toMatchObject({ changed: false });
  });
});

describe('a migration that is older than one in force', () => {
  it('is run where the environment lets it, and named', async () => {
    project.write('003_c', 'CREATE TABLE c ();\n');
    await apply('dev');
    await apply('shared');
    project.write('002_b', 'CREATE TABLE b ();\n');
    await expect(apply('dev')).rejects.toMatchObject({
      code: 'migration/out-of-order',
      hint: expect.stringContaining("environments.dev.outOfOrder: 'warn'"),
    });
    expect((await apply('shared')).outcome).toBe('applied');
    expect(project.context.events).toContainEqual({
      kind: 'note',
      text: 'older than what is in force in shared, and run out of order: 002_b',
    });
  });
});
