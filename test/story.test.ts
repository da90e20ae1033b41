// The whole story of one change, in two days that pass in seconds: time goes by where it is kept. Whatever is
// written down in the databases moves into the past, and waits and windows are told how far it went.

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../src/core/clock.ts';
import { connect } from '../src/postgres/connect.ts';
import { monitor } from '../src/process/monitor/monitor.ts';
import { preflightChange } from '../src/process/preflight.ts';
import type { Project } from '../src/process/project.ts';
import { recoverEnvironment } from '../src/process/recover.ts';
import { lookAtHealth } from '../src/process/releases.ts';
import { parseWaiver } from '../src/promotion/judge.ts';
import { applyChange } from '../src/safe-change.ts';
import { type TestProject, testProject } from './project.ts';

const hourMs = 3_600_000;
const answers = { plan: async () => true, final: async () => true };
const wait = { notBefore: undefined, forWindow: true };

let well = true;
let application: Server;
let made: TestProject;
let project: Project;
/** How far the clocks of the servers are ahead, where somebody waits. */
let waitedMs = 0;

beforeAll(async () => {
  application = createServer((_request, response) => {
    response.statusCode = well ? 200 : 503;
    response.end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => application.once('listening', resolve));
  const { port } = application.address() as AddressInfo;
  const health = `http://127.0.0.1:${port}/`;
  // It opens in less than two hours, and not before one.
  const hour = (hours: number): string =>
    new Date(Date.now() + hours * hourMs).toISOString().slice(11, 16);
  made = await testProject(
    {
      dev: {},
      staging: { after: 'dev', guarded: false, health },
      production: {
        after: 'staging',
        health,
        undo: true,
        window: [{ from: hour(1.5), to: hour(3.5), timeZone: 'UTC' }],
        monitor: { for: '24h', every: '2h', redInARow: 2 },
      },
    },
    "CREATE TABLE users (id int PRIMARY KEY, tier text); INSERT INTO users SELECT n, 'gold' FROM generate_series(1, 50) n",
  );
  const ofServer = async (ask: () => Promise<Date>): Promise<Date> =>
    new Date((await ask()).getTime() + waitedMs);
  const sleep = async (ms: number): Promise<void> => {
    // A rehearsal sleeps for a moment too, to see the traffic.
    if (ms < 10_000) return;
    waitedMs += ms;
  };
  const now = (): Date => new Date(Date.now() + waitedMs);
  project = {
    ...made,
    context: { ...made.context, clock: { ...systemClock, now, ofServer, sleep } },
  };
  made.write('001_tiers', "-- Merges the tiers.\nUPDATE users SET tier = 'one' WHERE id <= 10;\n");
});

afterAll(async () => {
  application.close();
  await made[Symbol.asyncDispose]();
});

async function pass(name: 'staging' | 'production', ms: number): Promise<void> {
  const { address } = made.databases[name] ?? {};
  if (address === undefined) throw new Error(name);
  await using database = await connect(address, { purpose: 'test' });
  const ago = `make_interval(secs => ${ms / 1_000})`;
  await database.execute(
    `UPDATE drydock.ledger SET applied_at = applied_at - ${ago};
     UPDATE drydock.health_samples SET at = at - ${ago};
     UPDATE drydock.changes_by_hand SET at = at - ${ago}`,
  );
}

async function hours(count: number): Promise<void> {
  for (let hour = 0; hour < count; hour += 1) {
    await pass('staging', hourMs);
    await lookAtHealth(project, 'staging');
  }
}

async function gate(id: string): Promise<string> {
  const request = { environment: 'production', waivers: [], notify: false };
  const { gates } = await preflightChange(project, request);
  const found = gates.find((each) => each.id === id);
  return `${found?.state}: ${found?.reason}`;
}

it('goes from a file to production by the clock, and back when the monitoring is red', async () => {
  const request = { answers, waivers: [] };
  expect((await applyChange(project, { environment: 'dev', ...request })).outcome).toBe('applied');
  expect((await applyChange(project, { environment: 'staging', ...request })).outcome).toBe(
    'applied',
  );

  // The soak: ten good hours, one red look, and the clock starts again.
  await hours(10);
  expect(await gate('soaked')).toContain('closed: 10 h of 24 h in staging');
  well = false;
  await pass('staging', hourMs);
  await lookAtHealth(project, 'staging');
  well = true;
  await hours(24);
  expect(await gate('soaked')).toMatch(/^closed: 23 h of 24 h in staging.*red/);
  await hours(1);
  expect(await gate('soaked')).toMatch(/^open: 24 h in staging/);

  // The window: closed now, and waited for.
  expect(await gate('in-window')).toMatch(/^closed/);
  const waivers = ['no-destructive-statements', 'rehearsed-within-budget', 're-runnable'].map(
    (id) => parseWaiver(`${id}=the story`, 'ana'),
  );
  const change = { environment: 'production', answers, waivers, toldBy: 'Ana', wait };
  const { outcome, gates } = await applyChange(project, change);
  expect(outcome, JSON.stringify(gates.filter(({ state }) => state === 'closed'))).toBe('applied');
  expect(waitedMs).toBeGreaterThan(hourMs);
  waitedMs = 0;

  // 24 hours of monitoring: green, and then red for good.
  const rounds: boolean[] = [];
  const sleep = async (ms: number): Promise<void> => {
    await pass('production', ms);
    if (rounds.length === 5) well = false;
  };
  const watching = { ...made, context: { ...made.context, clock: { ...systemClock, sleep } } };
  const watched = await monitor(watching, { environment: 'production' }, ({ newest }) => {
    rounds.push(newest.healthy);
  });
  expect(watched).toMatchObject({
    ended: 'over',
    green: false,
    incidents: 1,
    next: 'drydock recover production',
  });
  expect(rounds.slice(0, 5)).toEqual([true, true, true, true, true]);
  expect(rounds.length).toBeGreaterThan(10);

  // Frozen: the next change is refused.
  made.write('002_more', '-- More.\nALTER TABLE users ADD COLUMN IF NOT EXISTS more int;\n');
  expect(await gate('not-frozen')).toMatch(/^closed/);

  // And back, with every later write.
  const { address } = made.databases.production ?? {};
  if (address === undefined) throw new Error('there is no production');
  await using live = await connect(address, { purpose: 'test' });
  await live.execute("INSERT INTO users VALUES (100, 'new')");
  const yes = async (): Promise<boolean> => true;
  const recovered = await recoverEnvironment(made, 'production', {
    choose: async () => 'undo',
    confirm: yes,
    confirmChange: async () => {
      well = true;
      return true;
    },
    confirmSwap: yes,
    tables: async () => [],
  });
  expect(recovered.taken).toMatchObject({
    way: 'undo',
    outcome: 'done',
    health: { healthy: true },
  });
  const sql = `SELECT count(*) FILTER (WHERE tier = 'gold')::int AS gold, count(*)::int AS "all" FROM users`;
  expect(await live.one(sql)).toEqual({ gold: 50, all: 51 });
  const record = await readFile(recovered.taken?.record ?? '', 'utf8');
  expect(record).toContain('001_tiers');
}, 120_000);
