// kill -9 between the fence of a rescue and its swap: the same command goes on, and nothing is lost.
// `script/soak rescue` kills more of them.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type Database } from '../src/postgres/connect.ts';
import { commandProject } from './command.ts';
import { serverAddress, testDatabase } from './database.ts';

const wanted = Number(process.env.RESCUE_KILLS ?? 3);
/** From the fence to behind the swap, on a machine that does nothing else. */
const fenceMs = 120;

const schema = `CREATE TABLE users (id int PRIMARY KEY, name text);
  CREATE SEQUENCE tickets;
  INSERT INTO users SELECT n, 'n' || n FROM generate_series(1, 300) n`;

let server: Database;

beforeAll(async () => {
  server = await connect(serverAddress(), { purpose: 'test' });
});
afterAll(() => server.close());

it('a rescue that is killed behind its fence is finished by the same command, and loses nothing', {
  timeout: 120_000 + wanted * 30_000,
}, async () => {
  let behindFence = 0;
  for (let tries = 0; behindFence < wanted && tries < wanted * 3; ) {
    const { killed, tried } = await killedUntilSwapped(wanted - behindFence);
    behindFence += killed;
    tries += tried;
  }
  expect(behindFence).toBeGreaterThan(0);
});

// One database is killed again and again, until a kill comes too late: it is swapped then.
async function killedUntilSwapped(
  most: number,
): Promise<{ readonly killed: number; readonly tried: number }> {
  const { address } = await testDatabase({ sql: schema });
  const name = address.database;
  const project = await commandProject({
    databases: { production: address.connectionString() },
    rules: { production: { guarded: false } },
    migrations: { '001_bad.sql': "-- Bad.\nUPDATE users SET name = 'spoilt' WHERE id % 2 = 0;\n" },
  });
  const rescue = ['rescue', 'production', '--yes'];
  const succeed = async (args: readonly string[]): Promise<void> => {
    const { exitCode, stderr } = await project.drydock(args);
    expect(exitCode, stderr).toBe(0);
  };
  try {
    await succeed(['arm', 'production']);
    await succeed(['apply', 'production', '--yes']);
    {
      await using live = await connect(address, { purpose: 'test' });
      await live.execute(`UPDATE users SET name = 'mine' WHERE id = 2; INSERT INTO users VALUES (1000, 'new');
        SELECT nextval('tickets') FROM generate_series(1, 7)`);
    }
    let killed = 0;
    let tried = 0;
    let isSwapped = false;
    while (killed < most && tried < most * 2 && !isSwapped) {
      tried += 1;
      const command = project.start(rescue);
      // One that was killed has left it closed: this one opens it first.
      while ((await stateOf(name)) === 'closed') await sleep(1);
      while ((await stateOf(name)) === 'open') await sleep(1);
      await sleep(Math.random() * fenceMs);
      await command.signal('SIGKILL');
      isSwapped = (await stateOf(name)) === 'swapped';
      if (!isSwapped) killed += 1;
    }
    const { exitCode, stderr } = await project.drydock(rescue);
    // 2: the last one had come to its end.
    expect(exitCode === 0 || (isSwapped && exitCode === 2), stderr).toBe(true);
    await using back = await connect(address, { purpose: 'test' });
    expect(
      await back.query(`SELECT count(*)::int AS rows, count(*) FILTER (WHERE name = 'spoilt')::int AS spoilt,
          count(*) FILTER (WHERE name = 'mine' AND id = 2)::int AS mine, count(*) FILTER (WHERE id = 1000)::int AS new FROM users`),
    ).toEqual([{ rows: 301, spoilt: 0, mine: 1, new: 1 }]);
    const [next] = await back.query<{ next: number }>("SELECT nextval('tickets')::int AS next");
    expect(next?.next).toBeGreaterThan(7);
    return { killed, tried };
  } finally {
    await project.drydock(['disarm', 'production']);
    await project[Symbol.asyncDispose]();
    for (const each of await databasesOf(name))
      await server.execute(`DROP DATABASE "${each}" WITH (FORCE)`);
  }
}

async function stateOf(name: string): Promise<'open' | 'closed' | 'swapped'> {
  const [row] = await server.query<{ state: 'open' | 'closed' | 'swapped' }>(
    `SELECT CASE WHEN bool_or(starts_with(datname, $1 || '_broken_')) THEN 'swapped'
                 WHEN bool_or(datname = $1 AND datallowconn) THEN 'open' ELSE 'closed' END AS state FROM pg_database`,
    [name],
  );
  return row?.state ?? 'closed';
}

async function databasesOf(name: string): Promise<readonly string[]> {
  const rows = await server.query<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)',
    [name],
  );
  return rows.map((row) => row.name);
}
