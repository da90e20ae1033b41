// A release and its database: whether they fit, and what a command that fails or hangs leaves behind.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import {
  type CommandProject,
  commandProject,
  drydockJson,
  expectFailure,
  lastEntry,
} from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';

let database: TestDatabase;
let project: CommandProject;

const migration = (name: string): string =>
  `-- A table.\nCREATE TABLE IF NOT EXISTS ${name} (id int PRIMARY KEY);\n`;

beforeAll(async () => {
  database = await testDatabase();
  project = await commandProject({
    databases: { staging: database.address.connectionString() },
    rules: { staging: { deploy: 'sh release.sh', deployLimit: '2s' } },
    migrations: { '001_a.sql': migration('a') },
  });
  await command('echo "$DRYDOCK_RELEASE" > deployed');
  await commit('First');
  await drydockJson(project, ['apply', 'staging']);
  await drydockJson(project, ['deploy', 'staging']);
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function command(line: string): Promise<void> {
  return project.write('release.sh', `${line}\n`);
}

function commit(message: string): Promise<string> {
  return committed(project, message);
}

async function committed(of: CommandProject, message: string): Promise<string> {
  const as = 'git -c user.name=T -c user.email=t@example.com';
  await of.sh(`git init -q && git add migrations && ${as} commit -q --allow-empty -m "${message}"`);
  return (await of.sh('git rev-parse HEAD')).stdout.trim();
}

async function deployed(): Promise<string> {
  return (await project.sh('cat deployed')).stdout.trim();
}

it('a release whose migrations are not in force is refused, unless a person says otherwise', async () => {
  const before = await deployed();
  await project.write('migrations/002_b.sql', migration('b'));
  const second = await commit('Second');
  await expectFailure(project, ['deploy', 'staging'], {
    exit: 5,
    code: 'release/migrations-missing',
    names: ['002_b', second.slice(0, 7)],
    hint: 'drydock apply staging',
  });
  expect(await deployed()).toBe(before);
  const anyway = await drydockJson(project, ['deploy', 'staging', '--unfit']);
  expect(anyway).toMatchObject({ exit: 0, data: { fit: { missing: ['002_b'] } } });
  await drydockJson(project, ['apply', 'staging']);
  const { exit, data } = await drydockJson(project, ['deploy', 'staging']);
  expect({ exit, fit: data.fit }).toMatchObject({ exit: 0, fit: { missing: [], ahead: [] } });
  expect(await deployed()).toBe(second);
});

it('a deploy keeps a baseline for the monitoring, and one that follows within its time does not', async () => {
  await using session = await connect(database.address, { purpose: 'test' });
  const baselines = await session.query<{ figure: string }>(
    `SELECT probe ->> 'figure' AS figure FROM drydock.health_samples, jsonb_array_elements(probes) probe
      WHERE probe ->> 'probe' = 'baseline'`,
  );
  expect(baselines).toEqual([{ figure: expect.stringMatching(/^before deploy [0-9a-f]{7}$/) }]);
  const { data } = await drydockJson(project, ['monitor', 'staging', '--once']);
  expect(data.baselineAt).not.toBeNull();
  expect(new Date(data.baselineAt).getTime()).toBeLessThan(new Date(data.change.at).getTime());
});

it('an older release that nobody tried with what is in force is deployed, and this is said', async () => {
  const { exit, data, stderr } = await drydockJson(project, ['rollback', 'staging']);
  expect({ exit, fit: data.fit }).toMatchObject({ exit: 0, fit: { ahead: ['002_b'] } });
  expect(stderr.replaceAll(/\s+/g, ' ')).toContain('does not know 002_b, and no query was tried');
});

it('a rollback offers the git revert as a command, and does not do it', async () => {
  await drydockJson(project, ['deploy', 'staging']);
  const head = (await project.sh('git rev-parse HEAD')).stdout.trim();
  const { stdout } = await project.drydock(['rollback', 'staging']);
  expect(stdout).toContain(`git revert --no-edit ${head.slice(0, 12)}`);
  expect((await project.sh('git rev-parse HEAD')).stdout.trim()).toBe(head);
});

it('a command that fails leaves a clear state, and the way back leads to the release before', async () => {
  await drydockJson(project, ['deploy', 'staging']);
  const before = await deployed();
  const third = await commit('Third');
  await command('echo half > deployed; echo "no room on the disk" >&2; exit 3');
  await expectFailure(project, ['deploy', 'staging'], {
    exit: 9,
    code: 'release/deploy-failed',
    state: 'The database was not changed; the application may be deployed in part.',
    names: ['status 3', 'no room on the disk', third.slice(0, 7)],
    hint: 'drydock rollback staging',
  });
  expect(await lastEntry(database.address)).toMatchObject({ command: 'deploy', phase: 'failed' });
  await command('echo "$DRYDOCK_RELEASE" > deployed');
  const { data } = await drydockJson(project, ['rollback', 'staging']);
  expect(data.release.commit).toBe(before);
  expect(await deployed()).toBe(before);
});

it('a command that hangs is ended with everything that it started', async () => {
  await command('echo "waiting for the load balancer"; sleep 600 & echo $! > child; wait');
  await expectFailure(project, ['deploy', 'staging'], {
    exit: 9,
    code: 'release/timed-out',
    state: 'The database was not changed; the application may be deployed in part.',
    names: ['after 2.0 s', 'waiting for the load balancer'],
    hint: 'drydock health staging',
  });
  // Ended, or a zombie that nobody waits for.
  const state = 'ps -o stat= -p "$(cat child)" | grep -v Z';
  await expect.poll(async () => (await project.sh(state)).stdout).toBe('');
});

it('Ctrl-C ends the command too, and the journal has it', async () => {
  await command('touch begun; sleep 600');
  const running = project.start(['deploy', 'staging']);
  await expect
    .poll(async () => (await project.sh('ls begun')).exitCode, { timeout: 10_000 })
    .toBe(0);
  expect((await running.signal('SIGINT')).exitCode).toBe(130);
  expect(await lastEntry(database.address)).toMatchObject({
    command: 'deploy',
    phase: 'failed',
    failure: { code: 'interrupted' },
  });
});

it('a migration that a restore has taken back is no reason to refuse the code that goes with it', async () => {
  await command('echo "$DRYDOCK_RELEASE" > deployed');
  await drydockJson(project, ['backup', 'staging']);
  await project.write('migrations/003_c.sql', migration('c'));
  await commit('Fourth');
  await drydockJson(project, ['apply', 'staging']);
  const { broken } = (await drydockJson(project, ['restore', 'staging', '--yes'])).data;
  const { exit, data, stderr } = await drydockJson(project, ['deploy', 'staging']);
  expect({ exit, fit: data.fit }).toMatchObject({ exit: 0, fit: { takenBack: ['003_c'] } });
  expect(stderr).toContain('taken back here');
  await drydockJson(project, ['drop-broken', 'staging', '--confirm', broken]);
});

describe('a release that does not know a migration with which something of it broke', () => {
  it('is refused with what broke, one that knows it is not, and a person may go on', async () => {
    await using live = await testDatabase({
      sql: `CREATE TABLE users (id int PRIMARY KEY, name text);
            CREATE FUNCTION names() RETURNS SETOF text LANGUAGE sql AS 'SELECT name FROM users'`,
    });
    await using guarded = await commandProject({
      databases: { production: live.address.connectionString() },
      rules: {
        production: {
          guarded: true,
          confirm: 'never',
          deploy: 'echo "$DRYDOCK_RELEASE" > deployed',
        },
      },
      migrations: { '001_a.sql': migration('a') },
    });
    const old = await committed(guarded, 'Old');
    await guarded.write(
      'migrations/002_rename.sql',
      '-- A better name.\nALTER TABLE users RENAME COLUMN name TO full_name;\n',
    );
    const knowing = await committed(guarded, 'Knows the better name');
    const waived = ['monitoring-ready', 'check-clean', 're-runnable', 'queries-still-work'];
    const applied = await drydockJson(guarded, [
      ...['apply', 'production', '--told-by', 'Ana'],
      ...waived.flatMap((id) => ['--waive', `${id}=the code follows at once`]),
    ]);
    expect(applied, JSON.stringify(applied.data?.gates)).toMatchObject({ exit: 0 });

    await expectFailure(guarded, ['deploy', 'production', '--release', old], {
      exit: 5,
      code: 'release/cannot-live',
      names: [old.slice(0, 7), '002_rename', 'column "name" does not exist'],
      hint: 'drydock deploy production --unfit',
    });
    expect((await guarded.sh('cat deployed')).exitCode).toBe(1);
    const fits = await drydockJson(guarded, ['deploy', 'production', '--release', knowing]);
    expect(fits).toMatchObject({ exit: 0, data: { fit: { ahead: [], problems: [] } } });

    const anyway = await drydockJson(guarded, [
      'deploy',
      'production',
      '--release',
      old,
      '--unfit',
    ]);
    expect(anyway).toMatchObject({ exit: 0, data: { fit: { ahead: ['002_rename'] } } });
    expect((await guarded.sh('cat deployed')).stdout.trim()).toBe(old);
  });
});
