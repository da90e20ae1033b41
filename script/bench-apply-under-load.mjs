// Adds a column to a table that is in use, with Drydock and with other runners, in one run on one
// machine: how long do readers stall, and when is the column there? First behind one old reader, then on
// a table whose readers overlap all the time. Needs the network once.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pause, startClients, worst } from './clients.mjs';
import { ms, tableOf, tellFigures, versionOf } from './figures.mjs';
import { importSource } from './import-source.mjs';
import { otherRunners } from './other-runners.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(2),
  options: {
    clients: { type: 'string', default: '12' },
    rate: { type: 'string', default: '600' },
    blocker: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    write: { type: 'boolean' },
  },
});
const clients = Number(options.clients);
const pauseBetweenMs = (1_000 * clients) / Number(options.rate);
const blockerMs = Number(options.blocker) * 1_000;
const rounds = Number(options.rounds);

const { startServer } = await importSource('src/sandbox/server.ts');
const { connect } = await importSource('src/postgres/connect.ts');
const { quietContext } = await importSource('src/core/context.ts');

const drydock = resolve('dist/cli/main.js');
const peers = otherRunners(['dbmate', 'node-pg-migrate']);
const { version: ownVersion } = JSON.parse(readFileSync('package.json', 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'drydock-bench-'));
const server = await startServer(quietContext(), {
  purpose: 'bench',
  tcp: true,
  maxConnections: 100,
});

const runners = [
  { name: `drydock ${ownVersion}`, file: '001_add.sql', up: '', down: '', run: drydockApply },
  {
    name: `dbmate ${peers.dbmate.version}`,
    file: '001_add.sql',
    up: '-- migrate:up\n',
    down: '-- migrate:down\n',
    run: dbmate,
  },
  {
    name: `node-pg-migrate ${peers['node-pg-migrate'].version}`,
    file: '001_add.sql',
    up: '-- Up Migration\n',
    down: '',
    run: nodePgMigrate,
  },
];

try {
  const behindOne = await inTurns(behindOneReader);
  const busy = await inTurns(onBusyTable);
  tell(behindOne, busy, await versionOf(server));
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function inTurns(measure) {
  const results = runners.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, runner] of runners.entries()) {
      results[index].push(
        await withDatabase(`bench_${index}_${round}`, (address) => measure(runner, address)),
      );
    }
  }
  return results;
}

// One session holds the table for seconds; the migration arrives while it does.
async function behindOneReader(runner, address) {
  const load = startLoad(address);
  const blocker = await connect(address, { purpose: 'bench' });
  await pause(1_000);
  await blocker.execute('BEGIN; SELECT count(*) FROM events');
  await pause(500);
  const begunAt = performance.now();
  load.reset();
  const run = runner.run(runner, address);
  const inForce = untilInForce(address);
  await pause(blockerMs - 500);
  await blocker.execute('COMMIT');
  const freeAt = performance.now();
  const inForceAt = await inForce;
  await run;
  await pause(500);
  await load.stop();
  await blocker.close();
  return { worstMs: worst(load.taken()), afterMs: inForceAt - freeAt, tookMs: inForceAt - begunAt };
}

// Four sessions read for 100 to 500 ms, again and again: somebody always holds the table.
async function onBusyTable(runner, address) {
  const load = startLoad(address);
  const readers = Array.from({ length: 4 }, () => startLongReader(address));
  await pause(1_500);
  load.reset();
  const begunAt = performance.now();
  const inForce = untilInForce(address, 60_000);
  await runner.run(runner, address);
  const inForceAt = await inForce;
  await pause(300);
  await Promise.all(readers.map((reader) => reader.stop()));
  await load.stop();
  return {
    worstMs: worst(load.taken()),
    tookMs: inForceAt - begunAt,
    // Every moment in which some reader stood still for more than a tick.
    stalledMs:
      load
        .taken()
        .filter(({ tookMs }) => tookMs > 50)
        .reduce((sum, { tookMs }) => sum + tookMs, 0) / clients,
  };
}

async function withDatabase(name, work) {
  const admin = await connect(server.address('postgres'), { purpose: 'bench' });
  try {
    await admin.execute(`CREATE DATABASE ${name}`);
    const session = await connect(server.address(name), { purpose: 'bench' });
    await session.execute(
      `CREATE TABLE events (id int PRIMARY KEY, n int, body text);
       INSERT INTO events SELECT i, 0, repeat('x', 200) FROM generate_series(1, 100000) i;
       ANALYZE events`,
    );
    await session.close();
    const result = await work(server.address(name));
    await admin.execute(`DROP DATABASE ${name} WITH (FORCE)`);
    return result;
  } finally {
    await admin.close();
  }
}

// Clients that read and write single rows at a steady rate.
function startLoad(address) {
  return startClients(address, {
    count: clients,
    pauseMs: pauseBetweenMs,
    work: (session, turn) => {
      const id = ((turn * 7919) % 100_000) + 1;
      return turn % 4 === 0
        ? session.query('UPDATE events SET n = n + 1 WHERE id = $1', [id])
        : session.query('SELECT body FROM events WHERE id = $1', [id]);
    },
  });
}

function startLongReader(address) {
  let running = true;
  const work = (async () => {
    const session = await connect(address, { purpose: 'reader' });
    while (running) {
      await session.query(
        `SELECT count(*) FROM events WHERE id < 10; SELECT pg_sleep(${0.1 + 0.4 * Math.random()})`,
      );
    }
    await session.close();
  })();
  return {
    stop: async () => {
      running = false;
      await work;
    },
  };
}

async function untilInForce(address, patienceMs = 120_000) {
  const session = await connect(address, { purpose: 'bench' });
  const deadline = performance.now() + patienceMs;
  try {
    while (performance.now() < deadline) {
      const rows = await session.query(
        "SELECT FROM pg_attribute WHERE attrelid = 'events'::regclass AND attname = 'added'",
      );
      if (rows.length > 0) return performance.now();
      await pause(10);
    }
    return Number.POSITIVE_INFINITY;
  } finally {
    await session.close();
  }
}

function migrationsFolder({ name, file, up, down }) {
  const path = join(folder, name.split(' ')[0]);
  mkdirSync(join(path, 'migrations'), { recursive: true });
  writeFileSync(
    join(path, 'migrations', file),
    `${up}ALTER TABLE events ADD COLUMN added text;\n${down}`,
  );
  return path;
}

async function drydockApply(runner, address) {
  const cwd = migrationsFolder(runner);
  writeFileSync(
    join(cwd, 'drydock.config.json'),
    JSON.stringify({ environments: { bench: { url: { env: 'BENCH_URL' } } } }),
  );
  await program(process.execPath, [drydock, 'apply', 'bench'], cwd, {
    BENCH_URL: address.connectionString(),
  });
}

async function dbmate(runner, address) {
  const cwd = migrationsFolder(runner);
  const url = `${address.connectionString()}?sslmode=disable`;
  const args = ['--no-dump-schema', '--migrations-dir', 'migrations', 'up'];
  await program(peers.dbmate.program, args, cwd, { DATABASE_URL: url });
}

async function nodePgMigrate(runner, address) {
  const cwd = migrationsFolder(runner);
  await program(peers['node-pg-migrate'].program, ['up', '-m', 'migrations'], cwd, {
    DATABASE_URL: address.connectionString(),
  });
}

async function program(name, args, cwd, variables) {
  const child = spawn(name, args, {
    cwd,
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${said}`);
}

function tell(behindOne, busy, version) {
  const most = (results, key) => Math.max(...results.map((result) => result[key]));
  const rows = (all, keys) =>
    all.map((results, index) => [
      runners[index].name,
      ...keys.map((key) => ms(most(results, key))),
    ]);
  const [own] = behindOne;
  tellFigures('apply-under-load', {
    server: version,
    write: options.write,
    lines: [
      `${clients} clients, about ${options.rate} statements a second on a table with 100,000 rows; \`ALTER TABLE events ADD COLUMN added text\`. All runners in turns, the worst of ${rounds} rounds.`,
      '',
      `One session holds the table for ${options.blocker} s; the migration arrives 0.5 s after it began:`,
      '',
      ...tableOf(
        ['runner', 'worst wait of a client', 'in force after the reader has ended'],
        rows(behindOne, ['worstMs', 'afterMs']),
        { numbers: true },
      ),
      '',
      'Four more sessions read for 100 to 500 ms, again and again, so that somebody always holds the table:',
      '',
      ...tableOf(
        [
          'runner',
          'worst wait of a client',
          'waits above 50 ms, for each client',
          'in force after',
        ],
        rows(busy, ['worstMs', 'stalledMs', 'tookMs']),
        { numbers: true },
      ),
    ],
    goals: [
      {
        goal: 'behind one old reader no client waits more than 100 ms',
        measured: ms(most(own, 'worstMs')),
        isMet: most(own, 'worstMs') <= 100,
      },
      {
        goal: 'in force within a second of the end of the reader',
        measured: ms(most(own, 'afterMs')),
        isMet: most(own, 'afterMs') <= 1_000,
      },
    ],
  });
}
