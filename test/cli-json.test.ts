// `--json` of every command: when it does its work and when it cannot. `drydockJson` holds each document
// against its published schema, and wants nothing else on standard output.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandProject, commandProject, drydockJson } from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';

let database: TestDatabase;
let later: TestDatabase;
let project: CommandProject;

beforeAll(async () => {
  database = await testDatabase({
    sql: 'CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1), (2)',
  });
  later = await testDatabase();
  project = await commandProject({
    databases: {
      dev: database.address.connectionString(),
      later: later.address.connectionString(),
    },
    rules: {
      dev: { deploy: 'echo deployed' },
      later: { after: 'dev', guarded: true, evidence: { allowedSigners: 'signers' } },
    },
  });
  await project.sh('ssh-keygen -q -t ed25519 -N "" -f key && echo "ana $(cat key.pub)" > signers');
  const commit =
    'git -c user.name=T -c user.email=t@example.com commit -q --allow-empty -m release';
  await project.sh(`git init -q && git add . && ${commit} && ${commit}`);
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
  await later.drop();
});

/** Every command, in an order in which each has something to do. */
const life: readonly (readonly [string, ...string[]])[] = [
  ['new', 'add', 'names'],
  ['schema', 'snapshot', 'dev'],
  ['check', '--fix', '--dry-run'],
  ['check'],
  ['backup', 'dev'],
  ['prove', 'dev'],
  ['backups', 'dev'],
  ['rehearse', 'dev'],
  ['apply', 'dev', '--dry-run'],
  ['preflight', 'dev'],
  ['approve', 'dev', '--yes'],
  ['freeze', 'dev', '--reason', 'a holiday'],
  ['unfreeze', 'dev', '--reason', 'it is over'],
  ['apply', 'dev'],
  ['apply', 'dev'],
  ['evidence', 'export', 'dev', '-o', 'dev.json', '--key', 'key'],
  ['evidence', 'import', 'dev.json'],
  ['deploy', 'dev', '--release', 'HEAD~1'],
  ['deploy', 'dev'],
  ['rollback', 'dev'],
  ['health', 'dev'],
  ['monitor', 'dev', '--once'],
  ['recover', 'dev'],
  ['drill', 'dev'],
  ['status'],
  ['pause', 'dev'],
  ['resume', 'dev'],
  ['resign', 'dev', '001', '--reason', 'nothing was edited'],
  ['adopt', 'dev', '--reason', 'it is right as it is'],
  ['undo', 'dev', '--dry-run'],
  ['finalize', 'dev'],
  ['arm', 'dev'],
  ['status', 'dev'],
  ['disarm', 'dev'],
  ['restore', 'dev', '--tables', 'users'],
  ['restore', 'dev', '--into', 'json_beside'],
  ['restore', 'dev', '--yes'],
  ['salvage', 'dev'],
  ['drop-broken', 'dev', '--confirm', 'BROKEN'],
  ['prune', 'dev', '--yes'],
  ['history', 'dev'],
  ['arm', 'dev', '--cold'],
  ['rescue', 'dev', '--yes'],
  // Last, for it writes a configuration.
  ['init'],
];

describe('--json', () => {
  it('prints one document of the published shape for every command', async () => {
    let broken = '';
    for (const args of life) {
      const typed = args.map((word) => (word === 'BROKEN' ? broken : word));
      const { data, failure } = await drydockJson(project, typed);
      expect(failure, typed.join(' ')).toBeNull();
      broken = data?.broken ?? broken;
    }
    // Forty commands.
  }, 180_000);

  it('prints one document for every command that cannot be done', async () => {
    // `init` needs no configuration, and `demo` neither.
    for (const args of life.filter(([command]) => command !== 'init')) {
      const { exit, failure } = await drydockJson(project, [...args, '--config', 'nowhere.ts']);
      expect({ args, exit, code: failure?.code, state: failure?.state }).toEqual({
        args,
        exit: 2,
        code: 'config/not-found',
        state: 'Nothing was changed.',
      });
    }
    const nodeAlone = 'mkdir -p node && ln -sf "$(command -v node)" node/node && echo "$PWD/node"';
    const PATH = (await project.sh(nodeAlone)).stdout.trim();
    expect((await drydockJson(project, ['demo'], { PATH })).failure?.code).toBe('usage/no-git');
  });

  it('prints one document for a command line that cannot be read', async () => {
    for (const args of [['apply'], ['status', '--fast'], ['backup', 'dev', 'now']]) {
      const { exit, failure } = await drydockJson(project, args);
      expect({ exit, code: failure?.code }).toEqual({ exit: 2, code: 'usage/bad-arguments' });
      expect(failure?.hint).toContain(`drydock ${args[0]} --help`);
    }
  });

  it('is known to this test for every command', async () => {
    const { stdout } = await project.drydock(['--help']);
    const list = stdout.slice(stdout.indexOf('COMMANDS'));
    const listed = [...list.matchAll(/^ {2}([a-z-]+) {2,}/gm)].map(([, name]) => name);
    expect(new Set(['demo', ...life.map(([command]) => command)])).toEqual(new Set(listed));
  });
});
