import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestProject, testProject } from '../../test/project.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { parseWaiver } from '../promotion/judge.ts';
import { applyChange } from '../safe-change.ts';
import { recoverEnvironment } from './recover.ts';

const answers = { plan: async () => true, final: async () => true };
const waivers = ['tested-locally', 'soaked', 'monitoring-ready', 'no-destructive-statements'].map(
  (gate) => parseWaiver(`${gate}=a test`, 'ana'),
);

let project: TestProject;
let live: Database;

beforeAll(async () => {
  project = await testProject(
    { dev: {}, production: { after: 'dev', soak: '0s', undo: true } },
    "CREATE TABLE users (id int PRIMARY KEY, tier text); INSERT INTO users SELECT n, 'gold' FROM generate_series(1, 20) n",
  );
  project.write(
    '001_merge',
    "-- Merges the tiers.\nBEGIN;\nUPDATE users SET tier = 'one' WHERE id <= 10;\nALTER TABLE users ADD COLUMN IF NOT EXISTS note text;\nCOMMIT;\n",
  );
  const request = { environment: 'production', answers, waivers, toldBy: 'Ana' };
  const { outcome, gates } = await applyChange(project, request);
  expect(outcome, JSON.stringify(gates.filter(({ state }) => state === 'closed'))).toBe('applied');
  const { address } = project.databases.production ?? {};
  if (address === undefined) throw new Error('there is no production');
  live = await connect(address, { purpose: 'test' });
});

afterAll(async () => {
  await live.close();
  await project[Symbol.asyncDispose]();
});

it('the last change is taken back in place, with its loss foretold, and later writes stay', async () => {
  await live.execute("INSERT INTO users VALUES (100, 'new')");
  const asked: string[] = [];
  const yes = async (question: string): Promise<boolean> => {
    asked.push(question);
    return true;
  };
  const report = await recoverEnvironment(project, 'production', {
    choose: async () => 'undo',
    confirm: yes,
    confirmChange: yes,
    confirmSwap: async () => false,
    tables: async () => [],
  });
  const undo = report.ways.find(({ name }) => name === 'undo');
  expect(undo?.judgement).toMatchObject({
    possible: true,
    measured: 'its rehearsal',
    loss: { sentence: expect.stringContaining('column public.users.note') },
  });
  expect(asked).toEqual(['001_merge will be taken back in production.']);
  expect(report.taken).toMatchObject({ way: 'undo', outcome: 'done', health: { healthy: true } });
  const sql =
    "SELECT count(*) FILTER (WHERE tier = 'gold')::int AS gold, count(*)::int AS all FROM users";
  expect(await live.one(sql)).toEqual({ gold: 20, all: 21 });
  expect(await live.query("SELECT FROM drydock.ledger WHERE version = '001'")).toEqual([]);
});
