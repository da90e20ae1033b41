// `drydock monitor` by the command line: a database, an application and a webhook that are really there, and a
// wire to the database that can be cut.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import {
  type AddressInfo,
  connect as connectSocket,
  createServer as createWire,
  type Socket,
} from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvironmentInput } from '../src/config/input.ts';
import { type HealthSample, readSamples } from '../src/history/health-samples.ts';
import { detailOf, readJournal } from '../src/history/journal.ts';
import { connect } from '../src/postgres/connect.ts';
import { type CommandProject, commandProject, drydockJson, type JsonDocument } from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { inTerminal } from './terminal.ts';

const patience = { timeout: 30_000, interval: 20 };

let database: TestDatabase;
let servers: Server[];

/** The status that the application answers with. */
let status: number;
/** What the webhook was told. */
let pages: { readonly event: string; readonly text: string }[];
let rules: EnvironmentInput;

beforeEach(async () => {
  database = await testDatabase({
    sql: 'CREATE TABLE users AS SELECT 1 AS id FROM generate_series(1, 2)',
  });
  status = 200;
  pages = [];
  const application = createServer((_request, response) => {
    response.statusCode = status;
    response.end();
  });
  const webhook = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      pages.push(JSON.parse(body));
      response.end();
    });
  });
  servers = [application, webhook];
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  rules = {
    health: `http://127.0.0.1:${portOf(application)}/health`,
    notify: [{ webhook: `http://127.0.0.1:${portOf(webhook)}/hook` }],
  };
});

afterEach(async () => {
  for (const server of servers) server.closeAllConnections();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  await database.drop();
});

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port;
}

function projectOf(address = database.address.connectionString()): Promise<CommandProject> {
  return commandProject({
    databases: { dev: address },
    rules: { dev: rules },
    migrations: { '001_a.sql': 'CREATE TABLE a (id int);' },
  });
}

async function lookOnce(project: CommandProject): Promise<JsonDocument> {
  return drydockJson(project, ['monitor', 'dev', '--once']);
}

async function kept(): Promise<readonly HealthSample[]> {
  await using session = await connect(database.address, { purpose: 'test' });
  return await readSamples(session, new Date(0));
}

/** What the journal has of incidents and freezes, the oldest first. */
async function deeds(): Promise<readonly string[]> {
  await using session = await connect(database.address, { purpose: 'test' });
  const rows = await readJournal(session);
  return rows
    .map(({ entry }) => entry)
    .filter(({ command, phase }) => ['monitor', 'freeze'].includes(command) && phase === 'done')
    .map((entry) => `${entry.command} ${detailOf(entry, 'state') ?? ''}`.trim())
    .reverse();
}

async function sql(text: string): Promise<void> {
  await using session = await connect(database.address, { purpose: 'test' });
  await session.execute(text);
}

const invalidIndex = 'CREATE UNIQUE INDEX CONCURRENTLY broken ON users (id)';

describe('one look', () => {
  it('is green, is kept, and is the baseline of those that follow', async () => {
    await sql(invalidIndex).catch(() => {});
    await using project = await projectOf();
    const first = await lookOnce(project);
    expect(first).toMatchObject({
      exit: 0,
      failure: null,
      data: { green: true, ended: 'once', samples: 1, red: 0, incident: null, next: null },
    });
    const { probes } = first.data.newest;
    expect(probes.map(({ probe }: { probe: string }) => probe)).toEqual([
      ...['application', 'errors', 'database', 'connections', 'lock waits', 'transactions'],
      ...['replicas', 'slots', 'indexes', 'keys', 'dead rows', 'wraparound', 'statements'],
    ]);
    expect(probes).toContainEqual(
      expect.objectContaining({
        probe: 'indexes',
        healthy: true,
        figure: '1 not valid; as before the change: public.broken is not valid',
      }),
    );
    const [sample] = await kept();
    expect(new Date(first.data.baselineAt)).toEqual(sample?.at);
    const second = await lookOnce(project);
    expect(second.data).toMatchObject({ samples: 2, baselineAt: first.data.baselineAt });
    const { stdout } = await project.drydock(['monitor', 'dev', '--once']);
    expect(stdout).toContain('dev is green. 3 samples, 0 red; baseline of ');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(pages).toEqual([]);
  });

  it('that is red by a figure of the database ends with 9, and says what is new since the baseline', async () => {
    await using project = await projectOf();
    await lookOnce(project);
    await sql(invalidIndex).catch(() => {});
    const { exit, failure, data } = await lookOnce(project);
    expect({ exit, failure }).toEqual({ exit: 9, failure: null });
    expect(data).toMatchObject({ green: false, redInARow: 1, next: 'drydock recover dev' });
    expect(data.newest.probes.filter(({ healthy }: HealthSample) => !healthy)).toEqual([
      expect.objectContaining({ probe: 'indexes', figure: 'public.broken is not valid' }),
    ]);
    expect(pages).toEqual([]);
    await lookOnce(project);
    expect(pages.map(({ event }) => event)).toEqual(['monitor red']);
    expect(pages[0]?.text).toContain('indexes: public.broken is not valid');
  });

  it('obeys the limits of the configuration', async () => {
    rules = { ...rules, monitor: { for: '1h', limits: { wraparound: '0%' } } };
    await using project = await projectOf();
    // A fresh baseline is over the limit too: it counts from the next thing on.
    expect((await lookOnce(project)).exit).toBe(0);
    rules = { ...rules, monitor: { for: '1h', limits: { connections: '0%' }, redInARow: 1 } };
    await sql('UPDATE drydock.health_samples SET probes = \'[{"probe": "baseline"}]\'');
    await using strict = await projectOf();
    const { exit, data } = await lookOnce(strict);
    expect({ exit, incident: data.incident !== null }).toEqual({ exit: 9, incident: true });
  });

  it('that is one of many with a failure now and then is red, though no two failed in a row', async () => {
    await using project = await projectOf();
    await lookOnce(project);
    await sql(
      `INSERT INTO drydock.health_samples (at, healthy, probes)
       SELECT clock_timestamp() - make_interval(mins => minute), minute % 4 > 0,
              jsonb_build_array(jsonb_build_object('probe', 'application', 'healthy', minute % 4 > 0))
       FROM generate_series(1, 20) AS minute`,
    );
    const { exit, data } = await lookOnce(project);
    expect({ exit, healthy: data.newest.probes[0].healthy }).toEqual({ exit: 9, healthy: true });
    expect(data.newest.probes[1]).toEqual({
      probe: 'errors',
      healthy: false,
      answered: true,
      figure: '5 of 22 looks failed (23%)',
    });
    expect((await project.drydock(['monitor', 'dev', '--once'])).stdout).toMatch(
      /✗ errors +5 of 23 looks failed \(22%\)/,
    );
    expect(pages.map(({ event }) => event)).toEqual(['monitor red']);
    expect(pages[0]?.text).toContain('errors: 5 of 23 looks failed');
  });

  it('of a database that is away is red, pages nobody, and says so', async () => {
    await using project = await projectOf('postgresql://127.0.0.1:1/none');
    const { exit, stdout } = await run(project, ['monitor', 'dev', '--once']);
    expect(exit).toBe(9);
    expect(stdout).toContain('✗ database');
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'could not keep 1 sample and nobody was paged',
    );
    expect(pages).toEqual([]);
  });

  it('removes samples that nobody needs any more, and keeps the baseline', async () => {
    await using project = await projectOf();
    await drydockJson(project, ['apply', 'dev']);
    await lookOnce(project);
    await sql(
      `UPDATE drydock.ledger SET applied_at = applied_at - interval '40 days';
       UPDATE drydock.health_samples SET at = at - interval '40 days';
       INSERT INTO drydock.health_samples (at, healthy, probes)
       SELECT clock_timestamp() - make_interval(days => day), true, '[]' FROM unnest('{29, 31, 400}'::int[]) AS day`,
    );
    const [baseline] = (await kept()).filter(({ probes }) => probes.at(-1)?.probe === 'baseline');
    const { data } = await lookOnce(project);
    expect(new Date(data.baselineAt)).toEqual(baseline?.at);
    const days = (await kept()).map(({ at }) =>
      Math.round((Date.now() - at.getTime()) / 86_400_000),
    );
    expect(days).toEqual([40, 29, 0]);
  });

  it('of another environment is refused', async () => {
    await using project = await projectOf();
    await lookOnce(project);
    await sql("UPDATE drydock.environment SET name = 'staging'");
    const { exit, failure } = await lookOnce(project);
    expect({ exit, code: failure?.code }).toEqual({ exit: 2, code: 'history/wrong-environment' });
  });
});

async function run(
  project: CommandProject,
  args: readonly string[],
): Promise<{ exit: number | null; stdout: string }> {
  const { exitCode, stdout } = await project.drydock(args);
  return { exit: exitCode, stdout };
}

describe('an incident', () => {
  it('is two red samples in a row: people are told once, and once when it is over', async () => {
    await using project = await projectOf();
    await lookOnce(project);
    status = 503;
    expect(await lookOnce(project)).toMatchObject({ exit: 9, data: { incident: null } });
    expect(pages).toEqual([]);
    expect(await lookOnce(project)).toMatchObject({
      exit: 9,
      data: { redInARow: 2, incident: { reason: expect.stringContaining('application: 503') } },
    });
    await lookOnce(project);
    expect(pages.map(({ event }) => event)).toEqual(['monitor red']);
    expect(pages[0]?.text).toMatch(/^dev is red since .+ UTC\. application: 503 in \d+ ms\. /);
    expect(pages[0]?.text).toContain('drydock unfreeze dev --reason');
    expect(pages[0]?.text).toContain('drydock recover dev');
    status = 200;
    expect(await lookOnce(project)).toMatchObject({ exit: 0, data: { incident: null } });
    await lookOnce(project);
    expect(pages.map(({ event }) => event)).toEqual(['monitor red', 'monitor green']);
    expect(await deeds()).toEqual(['freeze', 'monitor red', 'monitor green']);
  });

  it('is told once by monitors that look at the same moment', async () => {
    await using project = await projectOf();
    await lookOnce(project);
    status = 503;
    await Promise.all([1, 2, 3].map(() => lookOnce(project)));
    expect(pages.map(({ event }) => event)).toEqual(['monitor red']);
    expect(await deeds()).toEqual(['freeze', 'monitor red']);
  });

  it('freezes the environment until a person says why it may go on', async () => {
    await using project = await projectOf();
    status = 503;
    await lookOnce(project);
    await lookOnce(project);
    const refused = await drydockJson(project, ['apply', 'dev']);
    expect(refused).toMatchObject({ exit: 5, failure: { code: 'promotion/frozen' } });
    expect(refused.failure?.message).toContain('monitor: red since ');
    expect(refused.failure?.message).toContain('application: 503');
    expect(refused.failure?.hint).toContain('drydock unfreeze dev');
    await drydockJson(project, ['unfreeze', 'dev', '--reason', 'known']);
    // The person has decided: the same incident does not freeze it again.
    await lookOnce(project);
    expect((await drydockJson(project, ['apply', 'dev'])).exit).toBe(0);
  });

  it('closes the gate of a guarded environment', async () => {
    rules = { ...rules, guarded: true };
    await using project = await projectOf();
    status = 503;
    await lookOnce(project);
    await lookOnce(project);
    status = 200;
    const { data } = await drydockJson(project, ['preflight', 'dev']);
    const gate = data.gates.find(({ id }: { id: string }) => id === 'not-frozen');
    expect(gate).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining('monitor: red'),
    });
  });

  it('leaves the freeze of a person as it is', async () => {
    await using project = await projectOf();
    await drydockJson(project, ['freeze', 'dev', '--reason', 'a sale is on']);
    status = 503;
    await lookOnce(project);
    const { data } = await lookOnce(project);
    expect(data.freeze).toMatchObject({ reason: 'a sale is on' });
    expect(await deeds()).toEqual(['freeze', 'monitor red']);
  });

  it('is told again until somebody takes the message', async () => {
    const [{ webhook }] = rules.notify as [{ webhook: string }];
    rules = { ...rules, notify: [{ webhook: 'http://127.0.0.1:1/hook' }] };
    await using unheard = await projectOf();
    status = 503;
    await lookOnce(unheard);
    expect((await lookOnce(unheard)).data.incident).toMatchObject({ told: '' });
    rules = { ...rules, notify: [{ webhook }] };
    await using heard = await projectOf();
    await lookOnce(heard);
    await lookOnce(heard);
    expect(pages.map(({ event }) => event)).toEqual(['monitor red']);
    status = 200;
    expect((await lookOnce(heard)).data).toMatchObject({ incidents: 1, incident: null });
  });
});

describe('a monitoring', () => {
  it('ends when its time is over, green', async () => {
    await using project = await projectOf();
    const args = ['monitor', 'dev', '--for', '1s', '--every', '100ms'];
    const { exit, data } = await drydockJson(project, args);
    expect({ exit, ended: data.ended }).toEqual({ exit: 0, ended: 'over' });
    expect(data.samples).toBeGreaterThan(1);
    expect(data.samples).toBe((await kept()).length);
  });

  it('that was red ends with 9 though it is green again, and asks for no recovery', async () => {
    await using project = await projectOf();
    await drydockJson(project, ['apply', 'dev']);
    status = 503;
    await lookOnce(project);
    await lookOnce(project);
    status = 200;
    // Long enough to count what was seen just before.
    const args = ['monitor', 'dev', '--for', '6s', '--every', '1s'];
    const { exit, data } = await drydockJson(project, args);
    expect({ exit, healthy: data.newest.healthy, next: data.next }).toEqual({
      exit: 9,
      healthy: true,
      next: null,
    });
  });

  it.each([
    ['--every', '0s'],
    ['--every', 'often'],
    ['--for', 'a day'],
  ])('refuses %s %s', async (flag, text) => {
    await using project = await projectOf();
    const { exit, failure } = await drydockJson(project, ['monitor', 'dev', flag, text]);
    expect({ exit, code: failure?.code }).toEqual({ exit: 2, code: 'usage/bad-duration' });
  });

  it('counts its time from the newest migration, and has nothing more to do when that is long ago', async () => {
    await using project = await projectOf();
    await drydockJson(project, ['apply', 'dev']);
    await sql("UPDATE drydock.ledger SET applied_at = now() - interval '3 days'");
    const { exit, data } = await drydockJson(project, ['monitor', 'dev']);
    expect({ exit, ended: data.ended, what: data.change.what }).toEqual({
      exit: 0,
      ended: 'over',
      what: '001_a',
    });
  });

  it('says what changes, a line each, and stops by Ctrl-C; the next one goes on', async () => {
    await using project = await projectOf();
    const command = project.start(['monitor', 'dev', '--every', '50ms', '--json']);
    await expect.poll(() => command.said(), patience).toContain('✓ dev is green: 13 probes');
    status = 503;
    await expect.poll(() => command.said(), patience).toContain('incident: red since');
    expect(command.said()).toMatch(/✗ application: 503 in \d+ ms\n/);
    status = 200;
    await expect.poll(() => command.said(), patience).toContain('the incident is over');
    const { exitCode, stderr } = await command.signal('SIGINT');
    expect(exitCode).toBe(130);
    expect(stderr).not.toContain('✗ Nothing');
    expect(pages.map(({ event }) => event)).toEqual(['monitor red', 'monitor green']);
    const soFar = (await kept()).length;
    const { data } = await lookOnce(project);
    expect(data).toMatchObject({ samples: soFar + 1, incidents: 1, incident: null });
  });

  it('shows a table on a terminal, at 80 columns', async () => {
    await using project = await projectOf();
    const { exitCode, screen } = await inTerminal('npx --no -- drydock monitor dev --every 200ms', {
      cwd: project.folder,
      env: { ...process.env, DEV_DATABASE_URL: database.address.connectionString() },
      answers: [{ when: /2 samples/, type: '\u0003' }],
    });
    expect(exitCode, screen).toBe(130);
    expect(screen).toMatch(/✓ wraparound +\S+% of the way/);
    expect(screen).toContain('Ctrl-C stops; the same command goes on.');
    expect(screen).toContain('Go on: drydock monitor dev');
    for (const line of screen.split('\n')) expect(line.trimEnd().length).toBeLessThanOrEqual(80);
  });
});

describe('an outage', () => {
  it('is told while it lasts, and its red samples are kept when the database is back', async () => {
    await using wire = await wireTo(database);
    await using project = await projectOf(wire.address);
    const command = project.start(['monitor', 'dev', '--every', '50ms', '--json']);
    await expect.poll(() => command.said(), patience).toContain('✓ dev is green');
    await wire.cut();
    await expect.poll(() => pages.map(({ event }) => event), patience).toEqual(['monitor red']);
    await expect.poll(() => command.said(), patience).toContain('frozen when the database is back');
    const mendedAt = new Date();
    await wire.mend();
    await expect.poll(() => pages.length, patience).toBe(2);
    await command.signal('SIGINT');
    expect(pages.map(({ event }) => event)).toEqual(['monitor red', 'monitor green']);
    const red = (await kept()).filter(({ healthy }) => !healthy);
    expect(red.length).toBeGreaterThanOrEqual(2);
    for (const { at, probes } of red.slice(0, 2)) {
      expect(at.getTime()).toBeLessThan(mendedAt.getTime());
      expect(probes).toContainEqual(expect.objectContaining({ probe: 'database', healthy: false }));
    }
    expect(await deeds()).toEqual(['freeze', 'monitor red', 'monitor green']);
    expect((await drydockJson(project, ['apply', 'dev'])).failure?.code).toBe('promotion/frozen');
  });
});

describe('an apply to a guarded environment', () => {
  it('keeps a baseline before it changes anything', async () => {
    await sql(invalidIndex).catch(() => {});
    rules = { ...rules, guarded: true };
    await using project = await projectOf();
    await project.write(
      'migrations/001_a.sql',
      '-- A.\nCREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY);\n',
    );
    const applied = await drydockJson(project, [
      ...['apply', 'dev', '--told-by', 'Ana', '--yes', '--confirm', database.address.database],
    ]);
    expect(applied, JSON.stringify(applied.data?.gates)).toMatchObject({ exit: 0 });
    const [before] = await kept();
    expect(before?.probes.at(-1)).toMatchObject({ probe: 'baseline', figure: 'before 001_a' });
    const { data, exit } = await lookOnce(project);
    expect({ exit, baselineAt: data.baselineAt }).toEqual({
      exit: 0,
      baselineAt: before?.at.toISOString(),
    });
  });
});

/** A wire to a database that can be cut and mended. */
interface Wire extends AsyncDisposable {
  readonly address: string;
  cut(): Promise<void>;
  mend(): Promise<void>;
}

async function wireTo({ address }: TestDatabase): Promise<Wire> {
  const sockets = new Set<Socket>();
  const url = new URL(address.connectionString());
  const { hostname, port } = url;
  const wire = createWire((near) => {
    const far = connectSocket(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  const listen = async (at: number): Promise<void> => {
    await once(wire.listen(at, '127.0.0.1'), 'listening');
  };
  const cut = async (): Promise<void> => {
    const closed = new Promise((resolve) => wire.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  const own = portOf(wire);
  url.hostname = '127.0.0.1';
  url.port = String(own);
  return { address: url.href, cut, mend: () => listen(own), [Symbol.asyncDispose]: cut };
}
