import { describe, expect, it } from 'vitest';
import { parseSql } from '../postgres/parser.ts';
import { type MigrationStep, type Place, splitIntoSteps } from './steps.ts';

async function stepsOf(sql: string): Promise<readonly MigrationStep[]> {
  const { statements, comments } = await parseSql(sql);
  const placeOf = ({ start }: { readonly start: number }): Place => ({
    file: '001_test.sql',
    line: sql.slice(0, start).split('\n').length,
  });
  return splitIntoSteps(statements, placeOf, comments).steps;
}

function shape(steps: readonly MigrationStep[]): string[] {
  return steps.map(({ kind, statements }) => `${kind} ${statements.length}`);
}

describe('the steps of a migration', () => {
  it('are one transaction when the file says nothing', async () => {
    expect(shape(await stepsOf('CREATE TABLE a (); CREATE TABLE b ();'))).toEqual([
      'transaction 2',
    ]);
  });

  it("take the file's own BEGIN and COMMIT as borders and do not run them", async () => {
    const steps = await stepsOf('BEGIN; CREATE TABLE a (); COMMIT; CREATE TABLE b ();');
    expect(shape(steps)).toEqual(['transaction 1', 'transaction 1']);
    expect(steps[0]?.statements[0]?.sql).toBe('CREATE TABLE a ()');
  });

  it('do not share a transaction in a file that asks for none, outside its own BEGIN', async () => {
    const sql =
      '-- drydock: no-transaction\nSELECT 1; SELECT 2; BEGIN; SELECT 3; SELECT 4; COMMIT;';
    expect(shape(await stepsOf(sql))).toEqual(['transaction 1', 'transaction 1', 'transaction 2']);
  });

  it('run what cannot be in a transaction alone, in its place', async () => {
    const sql = 'CREATE TABLE a (x int); CREATE INDEX CONCURRENTLY i ON a (x); CREATE TABLE b ();';
    expect(shape(await stepsOf(sql))).toEqual(['transaction 1', 'alone 1', 'transaction 1']);
  });

  it('run a statement with the comment `drydock: batch` in batches, with its options', async () => {
    const steps = await stepsOf(
      'CREATE TABLE a (x int);\n-- drydock: batch size=500\nUPDATE b SET x = 1;\nDELETE FROM b;',
    );
    expect(shape(steps)).toEqual(['transaction 1', 'batch 1', 'transaction 1']);
    expect(steps[1]).toMatchObject({ batchOptions: { size: 500 } });
  });

  it('batch an INSERT only where it reads a table', async () => {
    expect(shape(await stepsOf('-- drydock: batch\nINSERT INTO a SELECT * FROM b;'))).toEqual([
      'batch 1',
    ]);
    for (const sql of ['INSERT INTO a VALUES (1)', 'CREATE TABLE a ()']) {
      await expect(stepsOf(`-- drydock: batch\n${sql};`)).rejects.toMatchObject({
        code: 'migration/cannot-be-batched',
      });
    }
  });

  it('refuse a batch between BEGIN and COMMIT', async () => {
    await expect(
      stepsOf('BEGIN;\n-- drydock: batch\nDELETE FROM a;\nCOMMIT;'),
    ).rejects.toMatchObject({ code: 'migration/cannot-be-in-transaction' });
  });

  it('give a long validation a transaction of its own, unless the file sets the borders', async () => {
    const sql =
      'ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0) NOT VALID; ALTER TABLE a VALIDATE CONSTRAINT c; SELECT 1;';
    expect(shape(await stepsOf(sql))).toEqual(['transaction 1', 'transaction 1', 'transaction 1']);
    expect(shape(await stepsOf(`BEGIN; ${sql} COMMIT;`))).toEqual(['transaction 3']);
  });

  it('carry the settings of a file to its later steps', async () => {
    const steps = await stepsOf(
      `SET search_path = a; SET LOCAL work_mem = '8MB'; SELECT 1; VACUUM b;
       BEGIN; SET lock_timeout = 0; COMMIT; VACUUM c;`,
    );
    expect(steps.map(({ settings }) => settings.map(({ sql }) => sql))).toEqual([
      [],
      ['SET search_path = a'],
      ['SET search_path = a'],
      ['SET search_path = a', 'SET lock_timeout = 0'],
    ]);
  });

  it('take what comments say for the step that began before them', async () => {
    const steps = await stepsOf(
      `-- drydock: verify SELECT 1 = 1;
       SELECT 1;
       BEGIN;
       -- drydock: deletes b, c
       DELETE FROM a;
       COMMIT;
       /* drydock: verify
          SELECT count(*) = 0 FROM a */
       VACUUM a;`,
    );
    expect(
      steps.map(({ verifications, mayDelete }) => [verifications.map(({ sql }) => sql), mayDelete]),
    ).toEqual([
      [['SELECT 1 = 1'], []],
      [['SELECT count(*) = 0 FROM a'], ['b', 'c']],
      [[], []],
    ]);
  });

  it('take a DO block into the transaction when it only speaks of COMMIT', async () => {
    const sql = "DO $$ BEGIN -- no COMMIT;\n RAISE NOTICE 'COMMIT;'; END $$; SELECT 1;";
    expect(shape(await stepsOf(sql))).toEqual(['transaction 2']);
  });

  it.each([
    'CREATE INDEX CONCURRENTLY i ON a (x)',
    'DROP INDEX CONCURRENTLY i',
    'REINDEX INDEX CONCURRENTLY i',
    'REINDEX (CONCURRENTLY) TABLE a',
    'REINDEX SCHEMA public',
    'VACUUM a',
    'CLUSTER',
    'ALTER TABLE a DETACH PARTITION b CONCURRENTLY',
    "ALTER SYSTEM SET work_mem = '8MB'",
    'CREATE DATABASE a',
    'DROP DATABASE a',
    'DO $$ BEGIN UPDATE a SET x = 1; COMMIT; END $$',
  ])('know that this cannot be in a transaction: %s', async (sql) => {
    expect(shape(await stepsOf(`${sql};`))).toEqual(['alone 1']);
    await expect(stepsOf(`BEGIN; ${sql}; COMMIT;`)).rejects.toMatchObject({
      code: 'migration/cannot-be-in-transaction',
    });
  });

  it.each(['ANALYZE a', 'CLUSTER a', 'REINDEX TABLE a', 'SAVEPOINT s', 'DROP INDEX i'])(
    'leave this in its transaction: %s',
    async (sql) => {
      expect(shape(await stepsOf(`${sql};`))).toEqual(['transaction 1']);
    },
  );

  it.each([
    ['BEGIN; SELECT 1;', 'a BEGIN without a COMMIT'],
    ['SELECT 1; COMMIT;', 'a COMMIT without a BEGIN'],
    ['BEGIN; BEGIN; COMMIT;', 'a second BEGIN'],
    ['BEGIN; SELECT 1; ROLLBACK;', 'a ROLLBACK'],
  ])('refuse %s', async (sql, words) => {
    await expect(stepsOf(sql)).rejects.toMatchObject({
      code: 'migration/transaction-in-pieces',
      message: expect.stringContaining(words),
    });
  });

  it('tell the line of each statement', async () => {
    const [step] = await stepsOf('-- why\n\nCREATE TABLE a ();\n\n-- and\nCREATE TABLE b ();\n');
    expect(step?.statements.map(({ line }) => line)).toEqual([3, 6]);
  });
});
