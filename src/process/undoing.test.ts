import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { parseConfig } from '../config/schema.ts';
import { readJournal } from '../history/journal.ts';
import { readLedger } from '../history/ledger.ts';
import { readChangesByHand } from '../history/schema-look.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { schemaFacts } from '../postgres/fingerprint.ts';
import { parseWaiver } from '../promotion/judge.ts';
import { applyChange, type FinalQuestion } from '../safe-change.ts';
import { finalizeChanges } from './finalizing.ts';
import { statusOf } from './outlook.ts';
import type { Project } from './project.ts';
import { undoChange } from './undoing.ts';

const names = ['dev', 'production'] as const;

let folder: string;
let databases: Record<string, TestDatabase>;
let project: Project;
let live: Database;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-test-'));
  mkdirSync(join(folder, 'migrations'));
  const sql = `CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, age numeric(5, 2));
    CREATE TABLE old (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
    INSERT INTO users SELECT n, 'n' || n, n + 0.25 FROM generate_series(1, 50) n; INSERT INTO old SELECT n, n FROM generate_series(1, 50) n`;
  databases = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await testDatabase({ sql })] as const)),
  );
  const url = (name: string): string => databases[name]?.address.connectionString() ?? '';
  const input = {
    environments: {
      dev: { url: url('dev') },
      production: { url: url('production'), after: 'dev', soak: '0s', undo: true },
    },
  };
  const config = parseConfig(input, { root: folder, file: undefined, variables: {} });
  project = { config, context: testContext(), actor: { who: 'ana', host: 'laptop' } };
  live = await connect((databases.production as TestDatabase).address, { purpose: 'test' });
});

afterEach(async () => {
  await live.close();
  for (const database of Object.values(databases)) await database.drop();
  rmSync(folder, { recursive: true });
});

const waived = [
  'no-destructive-statements',
  're-runnable',
  'transactional',
  'team-notified',
  'monitoring-ready',
  'check-clean',
  'soaked',
  'tested-locally',
  'rehearsed-within-budget',
  'queries-still-work',
  'in-window',
  'no-blockers',
].map((gate) => parseWaiver(`${gate}=a test`, 'ana'));

async function migrate(name: string, sql: string): Promise<FinalQuestion | undefined> {
  writeFileSync(join(folder, 'migrations', `${name}.sql`), sql);
  let asked: FinalQuestion | undefined;
  const final = async (question: FinalQuestion): Promise<boolean> => {
    asked = question;
    return true;
  };
  const report = await applyChange(project, {
    environment: 'production',
    answers: { plan: async () => true, final },
    waivers: waived,
  });
  expect(
    report.outcome,
    JSON.stringify(report.gates?.filter(({ state }) => state === 'closed')),
  ).toBe('applied');
  return asked;
}

const yes = { environment: 'production', reason: 'it was wrong', ask: async () => true };

describe('undo', () => {
  it('takes a plan back that was proven, and keeps what was written since', async () => {
    const before = await schemaFacts(live);
    const asked = await migrate(
      '001_spoil',
      `BEGIN; ALTER TABLE users ALTER age TYPE int; UPDATE users SET age = 1 WHERE id <= 10; DELETE FROM old WHERE id > 40;
       ALTER TABLE users DROP COLUMN name; DROP TABLE old; COMMIT;`,
    );
    expect(asked?.rehearsal.statements.map(({ sql }) => sql)).toContain(
      'ALTER TABLE public.users RENAME COLUMN "name" TO "_trash_name"',
    );
    await live.execute(
      'UPDATE users SET age = 77 WHERE id = 3; DELETE FROM users WHERE id = 50; UPDATE users SET id = 104 WHERE id = 4',
    );
    const [status] = await statusOf(project, 'production');
    expect(status?.kept.flatMap(({ kept }) => kept.map(({ name }) => name))).toEqual([
      'public.users.name',
      'public.old',
    ]);
    expect(status?.drift).toEqual([]);

    const report = await undoChange(project, yes);
    expect(report).toMatchObject({
      outcome: 'undone',
      file: null,
      plans: [{ migrations: ['001_spoil'], leftOver: 0 }],
    });
    expect(await schemaFacts(live)).toEqual(before);
    expect(
      await live.query(
        'SELECT id, name, age::text FROM users WHERE id IN (3, 5, 20, 104) ORDER BY id',
      ),
    ).toEqual([
      { id: 3, name: 'n3', age: '77.00' },
      { id: 5, name: 'n5', age: '5.25' },
      { id: 20, name: 'n20', age: '20.25' },
      { id: 104, name: 'n4', age: '4.25' },
    ]);
    // The row of the user that was deleted is gone, and that of the one with another key has followed it.
    expect(await live.one('SELECT count(*)::int AS old FROM old')).toEqual({ old: 49 });
    expect(await live.query('SELECT user_id FROM old WHERE id = 4')).toEqual([{ user_id: 104 }]);
    expect(await readLedger(live)).toEqual([]);
    const [last] = await readJournal(live);
    expect(last?.entry).toMatchObject({
      command: 'undo',
      phase: 'done',
      details: { reason: 'it was wrong' },
    });
    const [after] = await statusOf(project, 'production');
    expect({ drift: after?.drift, kept: after?.kept }).toEqual({ drift: [], kept: [] });
    await expect(undoChange(project, yes)).rejects.toMatchObject({ code: 'undo/nothing-to-undo' });
  });

  it('lists what it cannot put back, in a file that is nobody else’s', async () => {
    await migrate(
      '001_spoil',
      'BEGIN; DELETE FROM old WHERE id = 7; ALTER TABLE users DROP COLUMN name; COMMIT;',
    );
    await live.execute(
      'INSERT INTO old VALUES (7, 1); INSERT INTO users (id, age) VALUES (200, 1)',
    );
    const report = await undoChange(project, yes);
    expect(report.plans[0]?.leftOver).toBe(2);
    const file = report.file ?? '';
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const rows = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(rows).toMatchObject([
      {
        table: 'public.old',
        change: 'deleted',
        was: { id: '7', user_id: '7' },
        reason: 'a row with its key is there again',
      },
      { table: 'public.users', change: null, became: { id: 200, name: null } },
    ]);
    await expect(live.execute('INSERT INTO users (id) VALUES (201)')).rejects.toThrow('not_null');
  });

  it('takes several plans back, the newest first, and none that is not the last', async () => {
    await migrate('001_a', 'BEGIN; ALTER TABLE users ADD COLUMN IF NOT EXISTS a int; COMMIT;');
    await migrate('002_b', 'BEGIN; UPDATE users SET a = id; COMMIT;');
    await migrate('003_c', 'BEGIN; DROP TABLE IF EXISTS old; COMMIT;');
    const would = await undoChange(project, { ...yes, to: '001', dryRun: true });
    expect(would.plans.map(({ migrations }) => migrations)).toEqual([['003_c'], ['002_b']]);
    await undoChange(project, { ...yes, to: '001' });
    expect((await readLedger(live)).map(({ version }) => version)).toEqual(['001']);
    expect(await live.one('SELECT count(a)::int AS a FROM users')).toEqual({ a: 0 });
  });

  it.each([
    ['an undo', undoChange],
    ['a finalize', finalizeChanges],
  ] as const)('%s keeps that the schema was changed by hand before it', async (_what, command) => {
    await migrate('001_spoil', 'ALTER TABLE users DROP COLUMN age;\n');
    await live.execute('ALTER TABLE users ADD COLUMN by_hand int');
    await live.execute('ALTER TABLE users DROP COLUMN by_hand');
    await command(project, yes);
    const { noticed, isChangedSince } = await readChangesByHand(live, new Date(0));
    expect({ times: noticed.length, isChangedSince }).toEqual({ times: 1, isChangedSince: false });
  });

  it('is given up by finalize, which drops for good', async () => {
    await migrate(
      '001_spoil',
      'BEGIN; DELETE FROM old WHERE id = 7; ALTER TABLE users DROP COLUMN name; DROP TABLE old; COMMIT;',
    );
    const report = await finalizeChanges(project, yes);
    expect(report).toMatchObject({
      outcome: 'finalized',
      plans: [{ notedRows: 1, kept: [{ kind: 'column' }, { kind: 'table' }] }],
    });
    const facts = await schemaFacts(live);
    expect(facts.filter(({ fact, object }) => /trash|drydock/.test(`${object} ${fact}`))).toEqual(
      [],
    );
    await expect(undoChange(project, yes)).rejects.toMatchObject({ code: 'undo/nothing-to-undo' });
    expect((await statusOf(project, 'production'))[0]?.drift).toEqual([]);
  });
});
