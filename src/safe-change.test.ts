import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testContext, testDatabase } from '../test/database.ts';
import { type ChangeHours, type Environment, Secret } from './config/environment.ts';
import { parseConfig } from './config/schema.ts';
import { systemClock } from './core/clock.ts';
import type { JournalEntry } from './history/journal.ts';
import { readJournal } from './history/journal.ts';
import { Address } from './postgres/address.ts';
import { connect } from './postgres/connect.ts';
import { approvePlan } from './process/approving.ts';
import { backUpEnvironment } from './process/backing-up.ts';
import type { ChangeReport } from './process/change-report.ts';
import { setFreeze } from './process/freezing.ts';
import { historyOf, statusOf } from './process/outlook.ts';
import { preflightChange } from './process/preflight.ts';
import type { Project } from './process/project.ts';
import { deployRelease } from './process/releases.ts';
import { restoreEnvironment } from './process/restoring.ts';
import { closedGates, parseWaiver } from './promotion/judge.ts';
import { applyChange, type ChangeRequest, type FinalQuestion } from './safe-change.ts';

const names = ['dev', 'staging', 'production'] as const;

let folder: string;
let databases: Record<string, TestDatabase>;
let project: Project;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-test-'));
  mkdirSync(join(folder, 'migrations'));
  const sql =
    'CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users SELECT generate_series(1, 50)';
  databases = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await testDatabase({ sql })] as const)),
  );
  const url = (name: string): string => databases[name]?.address.connectionString() ?? '';
  const input = {
    environments: {
      dev: { url: url('dev') },
      staging: { url: url('staging'), after: 'dev' },
      production: { url: url('production'), after: 'staging', soak: '0s' },
    },
  };
  const config = parseConfig(input, { root: folder, file: undefined, variables: {} });
  project = { config, context: testContext(), actor: { who: 'ana', host: 'laptop' } };
  write('001_add_name', 'BEGIN;\nALTER TABLE users ADD COLUMN IF NOT EXISTS name text;\nCOMMIT;\n');
});

afterEach(async () => {
  for (const database of Object.values(databases)) await database.drop();
  rmSync(folder, { recursive: true });
});

function write(name: string, sql: string): void {
  writeFileSync(join(folder, 'migrations', `${name}.sql`), sql);
}

// The same project with other rules for production.
function withProduction(rules: Partial<Environment>): void {
  const environments = project.config.environments.map((environment) =>
    environment.name === 'production' ? { ...environment, ...rules } : environment,
  );
  project = { ...project, config: { ...project.config, environments } };
}

const nightHours: ChangeHours = {
  windows: [
    {
      days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
      from: '02:00',
      to: '04:00',
      timeZone: 'UTC',
    },
  ],
  blackouts: [],
};

const waivers = [parseWaiver('monitoring-ready=there is no application in this test', 'ana')];

function apply(environment: string, more: Partial<ChangeRequest> = {}): Promise<ChangeReport> {
  const answers = { plan: async () => true, final: async () => true };
  return applyChange(project, { environment, answers, waivers, toldBy: 'ana', ...more });
}

async function query<Row extends object>(name: string, sql: string): Promise<Row[]> {
  const address = databases[name]?.address;
  if (address === undefined) throw new Error(`no database for ${name}`);
  await using database = await connect(address, { purpose: 'test' });
  return await database.query<Row>(sql);
}

async function columns(name: string): Promise<string[]> {
  const rows = await query<{ name: string }>(
    name,
    `SELECT attname AS name FROM pg_attribute
     WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
  );
  return rows.map((row) => row.name);
}

async function journal(name: string): Promise<JournalEntry[]> {
  const address = databases[name]?.address;
  if (address === undefined) throw new Error(`no database for ${name}`);
  await using database = await connect(address, { purpose: 'test' });
  return (await readJournal(database)).map(({ entry }) => entry).reverse();
}

function backupFiles(): string[] {
  return readdirSync(join(folder, 'backups', 'production')).filter((file) =>
    file.endsWith('.dump'),
  );
}

describe('a change of a guarded environment', () => {
  beforeEach(async () => {
    await apply('dev');
    await apply('staging');
  });

  it('comes after a proven backup and a rehearsal with the same digest', async () => {
    let asked: FinalQuestion | undefined;
    const seen: string[][] = [];
    const report = await apply('production', {
      answers: {
        plan: async () => true,
        final: async (question) => {
          asked = question;
          seen.push(await columns('production'));
          return true;
        },
      },
    });
    // At the last question nothing is changed yet, and everything is known.
    expect(seen).toEqual([['id']]);
    expect(asked?.rehearsal.plan).toBe(report.plan.digest);
    expect(asked?.backup.restoreMs).toBeGreaterThan(0);
    expect(report).toMatchObject({ outcome: 'applied', backup: backupFiles()[0] });
    expect(await columns('production')).toEqual(['id', 'name']);
  });

  it('leaves its whole story in the journal', async () => {
    await apply('production');
    const entries = await journal('production');
    expect(entries.map(({ command, phase }) => `${command} ${phase}`)).toEqual([
      'notify begun',
      'notify done',
      'apply begun',
      'rehearse begun',
      'rehearse done',
      'apply done',
    ]);
    // The way back is there before anything is changed.
    expect(
      entries.find(({ command, phase }) => `${command} ${phase}` === 'rehearse done'),
    ).toMatchObject({
      details: {
        wayBack: {
          label: 'reversible',
          sql: expect.stringContaining('ALTER TABLE public.users DROP COLUMN name'),
        },
      },
    });
    expect(entries.at(-1)).toMatchObject({
      who: 'ana',
      backup: backupFiles()[0],
      details: {
        migrations: ['001_add_name'],
        gates: expect.arrayContaining([
          expect.objectContaining({ id: 'monitoring-ready', state: 'waived' }),
        ]),
      },
    });
    expect((await historyOf(project, 'production', 10)).brokenAt).toBeNull();
  });

  it('does not begin while a gate is closed', async () => {
    const report = await apply('production', { toldBy: undefined });
    expect(report.outcome).toBe('refused');
    expect(report.gates.filter(({ state }) => state === 'closed').map(({ id }) => id)).toContain(
      'team-notified',
    );
    expect(await columns('production')).toEqual(['id']);
    expect((await journal('production')).at(-1)?.phase).toBe('refused');
  });

  it.each(['plan', 'final'] as const)(
    'ends with nothing changed when the %s is declined',
    async (which) => {
      const answers = { plan: async () => which !== 'plan', final: async () => which !== 'final' };
      const report = await apply('production', { answers });
      expect(report.outcome).toBe('declined');
      expect(await columns('production')).toEqual(['id']);
    },
  );

  it('does not happen when a gate closes while the last question waits', async () => {
    let now = new Date('2026-01-15T03:59:00Z');
    withProduction({ hours: nightHours });
    const clock = { ...systemClock, now: () => now, ofServer: async () => now };
    project = { ...project, context: { ...project.context, clock } };
    const report = await apply('production', {
      waivers,
      answers: {
        plan: async () => true,
        final: async () => {
          now = new Date('2026-01-15T04:00:00Z');
          return true;
        },
      },
    });
    expect(report.outcome).toBe('refused');
    expect(report.gates.find(({ id }) => id === 'in-window')?.state).toBe('closed');
    expect(await columns('production')).toEqual(['id']);
  });

  it('waits for the window when asked to, after everything that can be said before', async () => {
    let now = new Date('2026-01-15T23:00:00Z');
    withProduction({ hours: nightHours });
    const order: string[] = [];
    const sleep = async (ms: number): Promise<void> => {
      // A rehearsal sleeps for a moment too, to see the traffic.
      if (ms > 10_000 && order.at(-1) !== 'slept') order.push('slept');
      now = new Date(now.getTime() + ms);
    };
    const clock = { ...systemClock, now: () => now, ofServer: async () => now, sleep };
    project = { ...project, context: { ...project.context, clock } };
    const answers = {
      plan: async () => order.push('plan') > 0,
      final: async () => order.push('final') > 0,
    };
    const wait = { notBefore: undefined, forWindow: true };
    const report = await apply('production', { waivers, answers, wait });
    expect(report.outcome).toBe('applied');
    expect(order).toEqual(['plan', 'slept', 'final']);
    expect(now.toISOString()).toMatch(/^2026-01-16T02:00/);
  });

  it('does not wait for a window when another gate will still be closed then', async () => {
    withProduction({ hours: nightHours });
    const sleep = () => Promise.reject(new Error('it slept'));
    const now = new Date('2026-01-15T23:00:00Z');
    const clock = { ...systemClock, now: () => now, ofServer: async () => now, sleep };
    project = { ...project, context: { ...project.context, clock } };
    const wait = { notBefore: undefined, forWindow: true };
    const report = await apply('production', { waivers: [], wait });
    expect(report).toMatchObject({ outcome: 'refused', backup: null });
    expect(report.gates.find(({ id }) => id === 'in-window')?.state).toBe('open');
  });

  it('is refused without the approvals of others that the configuration asks for', async () => {
    withProduction({ approvals: { count: 1, allowedSigners: undefined } });
    const refused = await apply('production');
    expect(refused.gates.filter(({ state }) => state === 'closed').map(({ id }) => id)).toEqual(
      expect.arrayContaining(['approved']),
    );
    const agrees = async () => true;
    const own = await approvePlan(project, { environment: 'production' }, agrees);
    expect(own.outcome).toBe('approved');
    expect((await apply('production')).outcome).toBe('refused');
    const role = `approver_${process.pid}`;
    await query('production', `CREATE ROLE "${role}" LOGIN SUPERUSER PASSWORD 'secret'`);
    const environments = project.config.environments.map((environment) => {
      const url = environment.address?.connectionString() ?? '';
      const asRole = new URL(url);
      asRole.username = role;
      asRole.password = 'secret';
      return { ...environment, address: Address.parse(asRole.toString()) };
    });
    const config = { ...project.config, environments };
    const bens = { ...project, config, actor: { who: 'ben', host: 'desk' } };
    await approvePlan(bens, { environment: 'production' }, agrees);
    const report = await apply('production');
    expect(report.gates.find(({ id }) => id === 'approved')?.reason).toContain(role);
    expect(report.outcome).toBe('applied');
    await query('production', `DROP ROLE "${role}"`);
  });

  it('is refused while a freeze is in force, and nothing is deployed either', async () => {
    const freeze = { environment: 'production', reason: 'a sale is on' };
    await setFreeze(project, { ...freeze, freeze: true });
    const report = await apply('production');
    expect(report.gates.find(({ id }) => id === 'not-frozen')).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining('a sale is on'),
    });
    await expect(deployRelease(project, { environment: 'production' })).rejects.toMatchObject({
      code: 'promotion/frozen',
    });
    const thawed = await setFreeze(project, { ...freeze, freeze: false });
    expect(thawed.changed).toBe(true);
    expect(await setFreeze(project, { ...freeze, freeze: false })).toMatchObject({
      changed: false,
    });
    expect((await apply('production')).outcome).toBe('applied');
  });

  it('is refused where the schema was changed by hand since the last apply, until somebody accepts it', async () => {
    expect((await apply('production')).outcome).toBe('applied');
    write('002_more', 'BEGIN;\nALTER TABLE users ADD COLUMN IF NOT EXISTS more text;\nCOMMIT;\n');
    await apply('dev');
    await apply('staging');
    await query('production', 'CREATE TABLE by_hand ()');
    const report = await apply('production');
    const closed = closedGates(report.gates, 'before');
    expect(closed).toMatchObject([
      {
        id: 'no-drift',
        reason: expect.stringContaining('by_hand'),
        howToOpen: expect.stringContaining('drydock adopt production --reason'),
      },
    ]);
    await query('production', 'DROP TABLE by_hand');
    expect((await apply('production')).outcome).toBe('applied');
  });

  it('is refused in an environment without gates while that is frozen', async () => {
    write('002_more', 'BEGIN;\nALTER TABLE users ADD COLUMN IF NOT EXISTS more text;\nCOMMIT;\n');
    await setFreeze(project, { environment: 'staging', reason: 'a demo', freeze: true });
    await expect(apply('staging')).rejects.toMatchObject({ code: 'promotion/frozen' });
    expect(await columns('staging')).toEqual(['id', 'name']);
  });

  it('tells the team by its webhooks, and only when every other gate is open', async () => {
    const told: string[] = [];
    const channel = createServer((request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => told.push(text));
      request.on('end', () => response.end());
    });
    await new Promise<void>((resolve) => channel.listen(0, '127.0.0.1', resolve));
    const { port } = channel.address() as AddressInfo;
    withProduction({ notify: [{ url: new Secret(`http://127.0.0.1:${port}/hook`) }] });
    await apply('production', { toldBy: undefined, waivers: [] });
    expect(told).toEqual([]);
    const report = await apply('production', { toldBy: undefined });
    channel.close();
    expect(report.outcome).toBe('applied');
    const events = told.map((text) => (JSON.parse(text) as { event: string }).event);
    expect(events).toEqual(['apply begins', 'apply done']);
  });

  it('does not happen when nobody took the message', async () => {
    withProduction({ notify: [{ url: new Secret('http://127.0.0.1:1/hook') }] });
    const report = await apply('production', { toldBy: undefined });
    expect(report).toMatchObject({ outcome: 'refused', backup: null });
    expect(await columns('production')).toEqual(['id']);
  });

  it('does not happen when the rehearsal fails on the copy of production', async () => {
    // Staging has no row that breaks the constraint; production has.
    write('002_check', 'BEGIN;\nALTER TABLE users ADD CONSTRAINT few CHECK (id < 100);\nCOMMIT;\n');
    await apply('dev');
    await apply('staging');
    await query('production', 'INSERT INTO users VALUES (1000)');
    const all = [...waivers, parseWaiver('check-clean=a small table in this test', 'ana')];
    await expect(apply('production', { waivers: all })).rejects.toMatchObject({
      code: 'rehearsal/failed',
      databaseState: 'untouched',
      details: { sqlState: '23514' },
    });
    expect(await columns('production')).toEqual(['id']);
    expect((await journal('production')).at(-1)).toMatchObject({
      phase: 'failed',
      failure: { code: 'rehearsal/failed', state: 'untouched' },
    });
  });

  it('is refused where the content differs from that in staging', async () => {
    write(
      '001_add_name',
      'BEGIN;\nALTER TABLE users ADD COLUMN IF NOT EXISTS name int;\nCOMMIT;\n',
    );
    const { gates } = await preflightChange(project, {
      environment: 'production',
      waivers,
      toldBy: undefined,
      notify: false,
    });
    const closed = gates.filter(({ state }) => state === 'closed').map(({ id }) => id);
    expect(closed).toEqual(expect.arrayContaining(['tested-locally', 'soaked']));
  });
});

describe('an apply', () => {
  it('has nothing to do twice', async () => {
    expect((await apply('dev')).outcome).toBe('applied');
    expect((await apply('dev')).outcome).toBe('nothing pending');
  });

  it('stops at a database that says it is another environment', async () => {
    await apply('staging');
    const swapped = project.config.environments.map((environment) =>
      environment.name === 'dev'
        ? { ...environment, address: databases.staging?.address }
        : environment,
    );
    project = { ...project, config: { ...project.config, environments: swapped } };
    await expect(apply('dev')).rejects.toMatchObject({
      code: 'history/wrong-environment',
      databaseState: 'untouched',
    });
  });

  it('runs up to the file that was named', async () => {
    write('002_more', 'CREATE TABLE IF NOT EXISTS more (id int PRIMARY KEY);');
    const report = await apply('dev', { file: join(folder, 'migrations', '001_add_name.sql') });
    expect(report.plan.migrations).toEqual(['001_add_name']);
    await expect(apply('dev', { file: '/elsewhere/002_more.sql' })).rejects.toMatchObject({
      code: 'migration/outside-folder',
    });
  });
});

describe('a restore', () => {
  it('brings the data back and keeps the journal and the broken database', async () => {
    await apply('dev');
    await backUpEnvironment(project, { environment: 'dev', reason: 'test' });
    await query('dev', 'DELETE FROM users');
    const report = await restoreEnvironment(project, {
      environment: 'dev',
      confirmSwap: async () => true,
    });
    expect(await query('dev', 'SELECT count(*)::int AS n FROM users')).toEqual([{ n: 50 }]);
    const entries = await journal('dev');
    expect(entries.map(({ command, phase }) => `${command} ${phase}`)).toEqual([
      'apply begun',
      'apply done',
      'backup begun',
      'backup done',
      'restore begun',
      'restore done',
    ]);
    expect((await historyOf(project, 'dev', 10)).brokenAt).toBeNull();
    await using server = await connect(databases.staging?.address ?? missing(), {
      purpose: 'test',
    });
    await server.execute(`DROP DATABASE "${report.broken}"`);
  });

  it('changes nothing when the swap is declined', async () => {
    await backUpEnvironment(project, { environment: 'dev', reason: 'test' });
    await query('dev', 'DELETE FROM users');
    const confirmSwap = async (): Promise<boolean> => false;
    const report = await restoreEnvironment(project, { environment: 'dev', confirmSwap });
    expect(report.outcome).toBe('refused');
    expect(await query('dev', 'SELECT count(*)::int AS n FROM users')).toEqual([{ n: 0 }]);
  });
});

describe('the status', () => {
  it('tells what is in force, pending, edited, drifted, and why one cannot be read', async () => {
    await apply('dev');
    await apply('staging');
    await query('staging', 'ALTER TABLE users ADD COLUMN by_hand int');
    write('001_add_name', '-- edited');
    write('002_more', 'SELECT 1;');
    await databases.production?.drop();
    const [dev, staging, production] = await statusOf(project, undefined);
    expect(dev).toMatchObject({ drift: [], problem: null });
    expect(dev?.migrations).toEqual([
      expect.objectContaining({ name: '001_add_name', state: 'changed', appliedBy: 'ana@laptop' }),
      expect.objectContaining({ name: '002_more', state: 'pending', appliedAt: null }),
    ]);
    expect(staging?.drift).toEqual(['column users.by_hand is new: integer']);
    expect(production?.problem).toMatch(/there is no database/);
  });

  it('names what is in force and has no file here', async () => {
    await apply('dev');
    rmSync(join(folder, 'migrations', '001_add_name.sql'));
    const [dev] = await statusOf(project, 'dev');
    expect(dev?.migrations).toMatchObject([{ name: '001_add_name', state: 'missing' }]);
  });

  it('writes nothing, not even the schema of Drydock', async () => {
    await statusOf(project, undefined);
    await preflightChange(project, {
      environment: 'production',
      waivers: [],
      toldBy: undefined,
      notify: false,
    });
    for (const name of names) {
      expect(await query(name, "SELECT 1 FROM pg_namespace WHERE nspname = 'drydock'")).toEqual([]);
    }
  });

  it('shows a command that was killed', async () => {
    await apply('dev');
    await query(
      'dev',
      `SELECT drydock.append_to_journal('{"run": "r", "at": "2026-01-15T08:00:00.000Z", "who": "bob",
        "host": "h", "command": "apply", "phase": "begun"}')`,
    );
    const [dev] = await statusOf(project, 'dev');
    expect(dev?.unfinished).toEqual([
      { command: 'apply', who: 'bob', at: '2026-01-15T08:00:00.000Z' },
    ]);
  });
});

function missing(): never {
  throw new Error('the test has no such database');
}
