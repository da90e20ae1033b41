// The soak of a real staging: what the gate says, what the status says, and by whose clock.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestProject, testProject } from '../../test/project.ts';
import { renderStatus } from '../cli/render/status.ts';
import { connect, type Database } from '../postgres/connect.ts';
import type { JudgedGate } from '../promotion/gate.ts';
import { applyChange } from '../safe-change.ts';
import { adoptSchema } from './acceptance.ts';
import { backUpEnvironment } from './backing-up.ts';
import { type EnvironmentStatus, statusOf } from './outlook.ts';
import { preflightChange } from './preflight.ts';
import type { Project } from './project.ts';
import { lookAtHealth } from './releases.ts';
import { restoreEnvironment, restoreSomeTables } from './restoring.ts';

const answers = { plan: async () => true, final: async () => true };
const hourMs = 3_600_000;

let project: TestProject;
let staging: Database;

beforeEach(async () => {
  project = await testProject({
    staging: { guarded: false },
    production: { after: 'staging', guarded: true },
  });
  project.write('001_a', 'CREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY, name text);\n');
  await applyChange(project, { environment: 'staging', answers, waivers: [] });
  const { address } = project.databases.staging ?? {};
  if (address === undefined) throw new Error('there is no staging');
  staging = await connect(address, { purpose: 'test' });
});

afterEach(async () => {
  await staging.close();
  await project[Symbol.asyncDispose]();
});

/** Puts everything that is kept of staging so many hours back, with a look in every hour since. */
async function soakFor(hours: number): Promise<void> {
  const ago = `make_interval(hours => ${hours})`;
  await staging.execute(
    `UPDATE drydock.ledger SET applied_at = applied_at - ${ago};
     UPDATE drydock.health_samples SET at = at - ${ago};
     UPDATE drydock.changes_by_hand SET at = at - ${ago};
     INSERT INTO drydock.health_samples (at, healthy, probes)
     SELECT clock_timestamp() - make_interval(hours => hour), true, '[]'
     FROM generate_series(0, ${hours - 1}) AS hour`,
  );
}

async function gate(given: Project = project): Promise<JudgedGate | undefined> {
  const request = { environment: 'production', waivers: [], notify: false };
  return (await preflightChange(given, request)).gates.find(({ id }) => id === 'soaked');
}

async function production(): Promise<EnvironmentStatus> {
  const [found] = await statusOf(project, 'production');
  if (found === undefined) throw new Error('no status');
  return found;
}

/** The project on a machine whose clock is that much ahead of the server's. */
function aheadBy(ms: number): Project {
  const now = (): Date => new Date(Date.now() + ms);
  return { ...project, context: { ...project.context, clock: { ...project.context.clock, now } } };
}

function notes(): readonly string[] {
  return project.context.events.flatMap((event) => (event.kind === 'note' ? [event.text] : []));
}

describe('the soak', () => {
  it('is shown by the status as the gate counts it', async () => {
    await soakFor(5);
    expect(await gate()).toMatchObject({ state: 'closed', reason: '5 h of 24 h in staging' });
    const status = await production();
    expect(status.soak).toMatchObject({ environment: 'staging', wantedMs: 24 * hourMs });
    expect(renderStatus([status])).toContain('◌ soaked 5 h of 24 h in staging, 19 h left');
    await soakFor(20);
    expect(await gate()).toMatchObject({ state: 'open' });
    expect(renderStatus([await production()])).toContain('✓ soaked 25 h of 24 h in staging');
  });

  it('has no line in the status where nothing is pending', async () => {
    const [found] = await statusOf(project, 'staging');
    expect(found?.soak).toBeNull();
  });

  it('starts again when a change by hand was taken back before anybody looked', async () => {
    await soakFor(25);
    await lookAtHealth(project, 'staging');
    expect(await gate()).toMatchObject({ state: 'open' });
    await staging.execute('ALTER TABLE a ADD COLUMN by_hand int');
    expect(await gate()).toMatchObject({
      state: 'closed',
      howToOpen: expect.stringContaining('drydock adopt staging'),
    });
    await staging.execute('ALTER TABLE a DROP COLUMN by_hand');
    expect(await gate()).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining('changed by hand'),
    });
    await lookAtHealth(project, 'staging');
    await lookAtHealth(project, 'staging');
    expect(await gate()).toMatchObject({
      state: 'closed',
      reason: expect.stringMatching(/^\d+ ms of 24 h .*after the schema was changed by hand/),
    });
  });

  it('starts again when a change by hand was accepted, or covered by an apply, before anybody looked', async () => {
    await soakFor(25);
    await staging.execute('CREATE INDEX by_hand ON a (name)');
    await adoptSchema(project, { environment: 'staging', reason: 'it is right' });
    expect(await gate()).toMatchObject({ state: 'closed' });
    await soakFor(25);
    expect(await gate()).toMatchObject({ state: 'open' });

    await staging.execute('ALTER TABLE a ADD COLUMN by_hand int');
    await staging.execute('ALTER TABLE a DROP COLUMN by_hand');
    project.write('002_b', 'ALTER TABLE a ADD COLUMN IF NOT EXISTS age int;\n');
    await applyChange(project, { environment: 'staging', answers, waivers: [] });
    const request = { environment: 'production', waivers: [], notify: false };
    const { gates } = await preflightChange(project, { ...request, file: '001_a.sql' });
    expect(gates.find(({ id }) => id === 'soaked')).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining('changed by hand'),
    });
  });

  it('starts again when a change by hand was covered by tables of a backup, before anybody looked', async () => {
    await backUpEnvironment(project, { environment: 'staging', reason: 'a test' });
    await soakFor(25);
    await staging.execute('ALTER TABLE a ADD COLUMN by_hand int');
    await staging.execute('ALTER TABLE a DROP COLUMN by_hand');
    await restoreSomeTables(project, { environment: 'staging', tables: ['a'] });
    expect(await gate()).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining('changed by hand'),
    });
  });

  it('starts again when a backup was restored', async () => {
    await soakFor(25);
    await backUpEnvironment(project, { environment: 'staging', reason: 'a test' });
    await lookAtHealth(project, 'staging');
    expect(await gate()).toMatchObject({ state: 'open' });
    await staging.close();
    await restoreEnvironment(project, { environment: 'staging', confirmSwap: async () => true });
    expect(await gate()).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining('or a backup was restored'),
    });
  });

  it('goes on when a later migration is applied in staging', async () => {
    await soakFor(25);
    project.write('002_b', 'ALTER TABLE a ADD COLUMN IF NOT EXISTS age int;\n');
    await applyChange(project, { environment: 'staging', answers, waivers: [] });
    await lookAtHealth(project, 'staging');
    const request = { environment: 'production', waivers: [], notify: false };
    const { gates } = await preflightChange(project, { ...request, file: '001_a.sql' });
    expect(gates.find(({ id }) => id === 'soaked')).toMatchObject({ state: 'open' });
  });

  it('is counted by the clock of the server, and a machine that is wrong is told so once', async () => {
    const ahead = aheadBy(20 * hourMs);
    await soakFor(5);
    await lookAtHealth(ahead, 'staging');
    for (let times = 0; times < 2; times += 1) {
      expect(await gate(ahead)).toMatchObject({ reason: '5 h of 24 h in staging' });
    }
    expect(
      notes().filter((text) => text.includes('20 h ahead of that of the server')),
    ).toHaveLength(1);
  });
});
