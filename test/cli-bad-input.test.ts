// What people get wrong: each gives one clear failure, and nothing is left half-written.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CommandProject,
  commandProject,
  drydockJson,
  type ExpectedFailure,
  expectFailure,
  failureIn,
  traces,
} from './command.ts';
import { serverAddress, type TestDatabase, testDatabase } from './database.ts';

const first = { '001_create_users.sql': 'CREATE TABLE users (id int);\n' };

let database: TestDatabase;
let project: CommandProject;

beforeAll(async () => {
  database = await testDatabase();
  project = await commandProject({
    databases: { dev: database.address.connectionString() },
    migrations: first,
  });
  expect((await drydockJson(project, ['apply', 'dev'])).ok).toBe(true);
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

/** Runs a command that must fail and leave no trace. */
async function refused(
  args: readonly string[],
  expected: ExpectedFailure & { readonly variables?: NodeJS.ProcessEnv },
): Promise<{ readonly stderr: string }> {
  const before = await traces(project, database.address);
  const { stderr } = await expectFailure(project, args, expected);
  expect(await traces(project, database.address)).toEqual(before);
  return { stderr };
}

const commitAll =
  'git init -q && git add . && git -c user.name=T -c user.email=t@example.com commit -qm x';

/** Writes a file for one test. */
async function withFile(path: string, text: string, test: () => Promise<void>): Promise<void> {
  await project.write(path, text);
  try {
    await test();
  } finally {
    await project.sh(`rm ${path}`);
  }
}

describe('a decision about an environment', () => {
  it.each(['freeze', 'unfreeze'])('%s wants a reason', async (command) => {
    const hint = `drydock ${command} dev --reason`;
    await refused([command, 'dev'], { exit: 2, code: 'usage/no-reason', names: [command], hint });
  });

  it('approves only the plan that was named, and nothing where nobody can be asked', async () => {
    await withFile('migrations/002_more.sql', 'SELECT 1;', async () => {
      const hint = 'drydock approve dev --digest';
      const other = { exit: 5, code: 'promotion/other-plan', names: ['f00d'], hint };
      await refused(['approve', 'dev', '--digest', 'f00d', '--yes'], other);
      const nobody = { exit: 2, code: 'usage/nobody-to-ask', names: ['approve'], hint };
      await refused(['approve', 'dev'], nobody);
    });
  });
});

describe('a migration', () => {
  it('that does not exist is named, and its neighbours are one command away', async () => {
    await refused(['apply', 'dev', 'migrations/002_nothing.sql'], {
      exit: 2,
      code: 'migration/not-found',
      names: ['002_nothing.sql'],
      hint: 'ls migrations',
    });
  });

  it('that does not parse is shown with line, column and caret', async () => {
    const sql = 'CREATE TABLE a (id int);\n\nCREATE TABEL b ();\n';
    await withFile('migrations/002_bad.sql', sql, async () => {
      const { stderr } = await refused(['apply', 'dev'], {
        exit: 2,
        code: 'migration/does-not-parse',
        names: ['002_bad.sql:3:8', 'syntax error'],
        hint: 'drydock check',
      });
      const lines = failureIn(stderr).split('\n');
      const shown = lines.findIndex((line) => line.includes('3 | CREATE TABEL b ();'));
      expect(lines[shown + 1]?.indexOf('^')).toBe(lines[shown]?.indexOf('TABEL'));
    });
  });

  it('with the number of another one is refused with both names', async () => {
    await withFile('migrations/001_other.sql', 'SELECT 1;', async () => {
      await refused(['apply', 'dev'], {
        exit: 2,
        code: 'migration/duplicate-number',
        names: ['001_create_users.sql', '001_other.sql'],
        hint: 'git mv',
      });
    });
  });

  it('that was edited after it was applied ends with status 11', async () => {
    await project.write('migrations/001_create_users.sql', 'CREATE TABLE users (id bigint);\n');
    await refused(['apply', 'dev'], {
      exit: 11,
      code: 'migration/checksum-mismatch',
      names: ['001_create_users'],
      hint: 'drydock new NAME',
    });
    await project.write('migrations/001_create_users.sql', first['001_create_users.sql']);
  });

  it('of another folder is not taken for one of the project', async () => {
    await withFile('002_elsewhere.sql', 'SELECT 1;', async () => {
      await refused(['apply', 'dev', './002_elsewhere.sql'], {
        exit: 2,
        code: 'migration/outside-folder',
        names: ['002_elsewhere.sql'],
        hint: 'migrations',
      });
    });
  });
});

describe('an address', () => {
  const at = (change: (url: URL) => void): NodeJS.ProcessEnv => {
    const url = new URL(database.address.connectionString());
    change(url);
    return { DEV_DATABASE_URL: url.href };
  };

  it('where no server listens is unreachable, by host and port', async () => {
    await refused(['apply', 'dev'], {
      exit: 2,
      code: 'postgres/unreachable',
      names: ['127.0.0.1:1'],
      hint: 'pg_isready -h 127.0.0.1 -p 1',
      variables: at((url) => {
        url.port = '1';
      }),
    });
  });

  it('with a wrong password is refused without repeating the password', async () => {
    const { stderr } = await refused(['apply', 'dev'], {
      exit: 2,
      code: 'postgres/wrong-password',
      names: ['postgres', serverAddress().host],
      hint: '~/.pgpass',
      variables: at((url) => {
        url.password = 'not-the-password';
      }),
    });
    expect(stderr).not.toContain('not-the-password');
  });

  it('of a database that does not exist says how to create it', async () => {
    await refused(['apply', 'dev'], {
      exit: 2,
      code: 'postgres/no-such-database',
      names: ['no_such_database'],
      hint: 'createdb no_such_database',
      variables: at((url) => {
        url.pathname = '/no_such_database';
      }),
    });
  });

  it('that is not set is asked for by its variable', async () => {
    await refused(['apply', 'dev'], {
      exit: 2,
      code: 'config/no-address',
      names: ['dev'],
      hint: 'export DEV_DATABASE_URL=',
      variables: { DEV_DATABASE_URL: '' },
    });
  });

  it('of another environment is stopped by the marker in the database', async () => {
    const address = database.address.connectionString();
    await using mixedUp = await commandProject({
      databases: { dev: address, production: address },
      migrations: first,
    });
    for (const command of ['apply', 'backup', 'health', 'history', 'deploy']) {
      if (command === 'deploy') await mixedUp.sh(commitAll);
      const { failure, exit } = await drydockJson(mixedUp, [command, 'production']);
      expect({ command, exit, code: failure?.code }).toEqual({
        command,
        exit: 2,
        code: 'history/wrong-environment',
      });
      expect(failure?.message).toContain('is marked as dev, not as production');
      expect(failure?.state).toBe('Nothing was changed.');
    }
  });
});

describe('a configuration', () => {
  it('with several problems tells them all at once', async () => {
    const text = JSON.stringify({
      environments: {
        dev: { url: 5, soak: 'soon' },
        staging: { after: 'moon', url: 'mysql://somewhere/else' },
        production: { after: 'dev', colour: 'red', window: { from: '2am' } },
      },
    });
    await withFile('bad.json', text, async () => {
      await refused(['status', '--config', 'bad.json'], {
        exit: 2,
        code: 'config/invalid',
        names: [
          ...['dev.url', 'dev.soak', 'colour', 'window.from', 'window.timeZone'],
          ...['staging.after: there is no environment moon', 'staging.url'],
        ],
        hint: 'bad.json',
      });
    });
  });

  it('that cannot be read is named', async () => {
    await withFile('broken.json', '{', async () => {
      await refused(['status', '--config', 'broken.json'], {
        exit: 2,
        code: 'config/unreadable',
        names: ['broken.json'],
        hint: 'broken.json',
      });
    });
  });

  it('that does not exist is named', async () => {
    await refused(['status', '--config', 'nowhere.ts'], {
      exit: 2,
      code: 'config/not-found',
      names: ['nowhere.ts'],
      hint: 'drydock init',
    });
  });
});

describe('a backup', () => {
  it('that does not exist is named, for a proof and for a restore', async () => {
    for (const command of [['prove'], ['restore', '--yes']]) {
      await refused([command[0] ?? '', 'dev', 'backups/dev/none.dump', ...command.slice(1)], {
        exit: 6,
        code: 'backup/not-found',
        names: ['backups/dev/none.dump'],
        hint: 'drydock backup dev',
      });
    }
  });
});

it('a folder that cannot be made is named, by init and by new', async () => {
  await withFile('elsewhere/migrations', '', async () => {
    await project.write('elsewhere/drydock.config.json', '{ "environments": { "dev": {} } }');
    for (const args of ['init', 'new a name']) {
      const line = `cd elsewhere && ../node_modules/.bin/drydock ${args} --json`;
      const { exitCode, stdout } = await project.sh(line);
      const { failure } = JSON.parse(stdout);
      expect({ args, exitCode, code: failure.code, state: failure.state }).toEqual({
        args,
        exitCode: 2,
        code: 'usage/cannot-write',
        state: 'Nothing was changed.',
      });
      expect(failure.message).toContain('elsewhere/migrations');
      expect(failure.hint).toContain('ls -ld ');
    }
  });
});

it('a file that cannot be read by check is named', async () => {
  await refused(['check', 'migrations/404.sql'], {
    exit: 2,
    code: 'lint/not-found',
    names: ['migrations/404.sql'],
    hint: 'drydock check migrations',
  });
});

it('a sample of rows of anything but a schema is refused', async () => {
  await refused(['rehearse', 'dev', '--rows', '10'], {
    exit: 2,
    code: 'usage/rows-without-schema',
    names: ['--rows', 'schema'],
    hint: 'drydock rehearse production --from schema --rows 10',
  });
});
