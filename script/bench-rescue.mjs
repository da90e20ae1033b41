// What it costs an application that its database is armed for a rescue, in log and in the server's
// processor time for a transaction, on the same machine in turns; then a rescue while clients write: how
// long could nobody? `--transactions N` changes how many are counted.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pause, percentile } from './clients.mjs';
import { median, ms, tableOf, tellFigures, times, versionOf } from './figures.mjs';
import { importSource } from './import-source.mjs';

const { values: options } = parseArgs({
  options: {
    transactions: { type: 'string', default: '8000' },
    clients: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    write: { type: 'boolean' },
  },
});
const transactions = Number(options.transactions);
const clients = Number(options.clients);
const rounds = Number(options.rounds);
const accounts = 100_000;

const { startServer } = await importSource('src/sandbox/server.ts');
const { createDatabase, dropDatabase } = await importSource('src/sandbox/copy.ts');
const { connect } = await importSource('src/postgres/connect.ts');
const { quietContext } = await importSource('src/core/context.ts');

const folder = mkdtempSync(join(tmpdir(), 'drydock-bench-'));
const context = quietContext();
const start = (walLevel) =>
  startServer(context, { purpose: `bench ${walLevel}`, settings: { wal_level: walLevel } });

const plain = await start('replica');
const logical = await start('logical');

const states = [
  { name: '`wal_level = replica`', server: plain, arm: async () => async () => {} },
  { name: '`wal_level = logical`, not armed', server: logical, arm: async () => async () => {} },
  { name: 'armed, by triggers', server: plain, arm: armed },
  { name: 'armed', server: logical, arm: armed },
  { name: 'armed, the copy kept in step', server: logical, arm: followed },
];

try {
  for (const state of states) state.taken = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const state of states) {
      const taken = await measure(state);
      state.taken.push(taken);
      process.stderr.write(`${state.name} ${JSON.stringify(taken)}\n`);
    }
  }
  const rescues = [];
  for (let round = 0; round < rounds; round += 1) rescues.push(await rescueUnderLoad());
  tell(rescues, await versionOf(logical));
} finally {
  await plain.stop();
  await logical.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measure({ server, arm }) {
  const address = await makeBank(server);
  const disarm = await arm(address);
  const { writers, done } = startBank(address, transactions);
  await writers.ready;
  const database = await connect(server.address('postgres'), { purpose: 'bench' });
  const walAt = async () =>
    Number((await database.one('SELECT pg_current_wal_insert_lsn() - $1 AS bytes', ['0/0'])).bytes);
  const before = { wal: await walAt(), cpu: cpuOf(server) };
  writers.go();
  const taken = await done;
  const after = { wal: await walAt(), cpu: cpuOf(server) };
  await writers.close();
  await database.close();
  await disarm();
  await dropDatabase(server, 'bank');
  return {
    walBytes: (after.wal - before.wal) / transactions,
    cpuMs: (after.cpu - before.cpu) / transactions,
    p50: percentile(taken, 0.5),
  };
}

// Four writes of small rows in a transaction, as pgbench does.
async function makeBank(server) {
  await createDatabase(server, { name: 'bank' });
  const address = server.address('bank');
  const database = await connect(address, { purpose: 'bench' });
  await database.execute(`
    CREATE TABLE branches (id int PRIMARY KEY, balance int NOT NULL, filler text);
    CREATE TABLE tellers (id int PRIMARY KEY, branch int, balance int NOT NULL, filler text);
    CREATE TABLE accounts (id int PRIMARY KEY, branch int, balance int NOT NULL, filler text);
    CREATE TABLE history (teller int, branch int, account int, delta int, at timestamptz DEFAULT now());
    INSERT INTO branches SELECT n, 0, repeat(' ', 80) FROM generate_series(1, 10) n;
    INSERT INTO tellers SELECT n, n % 10 + 1, 0, repeat(' ', 80) FROM generate_series(1, 100) n;
    INSERT INTO accounts SELECT n, n % 10 + 1, 0, repeat(' ', 80) FROM generate_series(1, ${accounts}) n`);
  await database.execute('VACUUM (ANALYZE)');
  await database.execute('CHECKPOINT');
  await database.close();
  return address;
}

// So many transactions from several sessions; what a session cost is in the books while it lives.
function startBank(address, count) {
  const sessions = Promise.all(
    Array.from({ length: clients }, () => connect(address, { purpose: 'load' })),
  );
  let go;
  const started = new Promise((resolveStart) => {
    go = resolveStart;
  });
  const taken = [];
  const done = (async () => {
    const all = await sessions;
    await started;
    let left = count;
    await Promise.all(
      all.map(async (session) => {
        while (left > 0) {
          left -= 1;
          const at = performance.now();
          await transfer(session);
          taken.push({ at, tookMs: performance.now() - at });
        }
      }),
    );
    return taken;
  })();
  const close = async () => {
    for (const session of await sessions) await session.close();
  };
  return { writers: { ready: sessions, go, close }, done };
}

function transfer(session) {
  const account = 1 + Math.floor(Math.random() * accounts);
  const teller = 1 + Math.floor(Math.random() * 100);
  const delta = Math.floor(Math.random() * 1000) - 500;
  return session.execute(`BEGIN;
    UPDATE accounts SET balance = balance + ${delta} WHERE id = ${account};
    UPDATE tellers SET balance = balance + ${delta} WHERE id = ${teller};
    UPDATE branches SET balance = balance + ${delta} WHERE id = ${1 + (teller % 10)};
    INSERT INTO history (teller, branch, account, delta) VALUES (${teller}, ${1 + (teller % 10)}, ${account}, ${delta});
    COMMIT`);
}

async function armed(address) {
  const project = makeProject(address);
  await project.run('arm', 'live');
  return () => project.run('disarm', 'live');
}

async function followed(address) {
  const project = makeProject(address);
  await project.run('arm', 'live');
  const follower = project.start('arm', 'live', '--follow');
  const database = await connect(address, { purpose: 'bench' });
  const isFollowed =
    'SELECT FROM pg_replication_slots WHERE database = current_database() AND active';
  while ((await database.query(isFollowed)).length === 0) await pause(100);
  await database.close();
  return async () => {
    follower.child.kill('SIGINT');
    await follower.ended;
    await project.run('disarm', 'live');
  };
}

// Clients write on, and connect again when their session is ended.
async function rescueUnderLoad() {
  const address = await makeBank(logical);
  const project = makeProject(address);
  await project.run('arm', 'live');
  let isRunning = true;
  const moments = [];
  const clientsAtWork = Array.from({ length: clients }, async () => {
    while (isRunning) {
      try {
        const session = await connect(address, { purpose: 'load' });
        try {
          while (isRunning) {
            await transfer(session);
            moments.push(performance.now());
            await pause(2);
          }
        } finally {
          await session.close();
        }
      } catch {
        await pause(5);
      }
    }
  });
  writeFileSync(
    join(project.cwd, 'migrations', '001_harm.sql'),
    '-- Harm.\nUPDATE accounts SET filler = NULL WHERE id % 3 = 0;\nALTER TABLE accounts ADD COLUMN note text;\n',
  );
  await project.run('apply', 'live', '--yes');
  await pause(2_000);
  const { data } = JSON.parse(
    await project.run('rescue', 'live', '--yes', '--confirm', 'bank', '--json'),
  );
  await pause(500);
  isRunning = false;
  await Promise.all(clientsAtWork);
  const inOrder = moments.toSorted((a, b) => a - b);
  const nobodyMs = inOrder
    .slice(1)
    .reduce((most, at, index) => Math.max(most, at - inOrder[index]), 0);
  await dropDatabase(logical, 'bank');
  await dropDatabase(logical, data.broken);
  return { pauseMs: data.pauseMs, nobodyMs, rows: data.comparison.rows };
}

function makeProject(address) {
  const cwd = mkdtempSync(join(folder, 'project-'));
  mkdirSync(join(cwd, 'migrations'));
  const environments = { live: { url: address.connectionString() } };
  writeFileSync(join(cwd, 'drydock.config.json'), JSON.stringify({ environments }));
  const begin = (...args) => {
    const child = spawn(process.execPath, [resolve('dist/cli/main.js'), ...args], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', (text) => {
        said[name] += text;
      });
    }
    const ended = new Promise((resolveEnd) => child.on('close', resolveEnd));
    return { child, said, ended };
  };
  return {
    cwd,
    start: begin,
    run: async (...args) => {
      const { said, ended } = begin(...args);
      const status = await ended;
      if (status !== 0) {
        throw new Error(
          `drydock ${args.join(' ')} ended with ${status}: ${said.stderr}${said.stdout}`,
        );
      }
      return said.stdout;
    },
  };
}

// Of the server and all its processes, those that have ended too (proc(5)).
function cpuOf({ folder: place }) {
  const postmaster = readFileSync(join(place, 'data', 'postmaster.pid'), 'utf8').split('\n')[0];
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
      if (pid === postmaster) ticks += sum(fields.slice(11, 15));
      else if (fields[1] === postmaster) ticks += sum(fields.slice(11, 13));
    } catch {
      // It has ended since it was listed.
    }
  }
  return ticks * 10;
}

function sum(values) {
  return values.reduce((total, value) => total + Number(value), 0);
}

function tell(rescues, version) {
  const of = ({ taken }, what) => median(taken.map((each) => each[what]));
  const [base] = states;
  const middle = (what) => median(rescues.map((each) => each[what]));
  tellFigures('rescue', {
    server: version,
    write: options.write,
    lines: [
      `${transactions.toLocaleString('en')} transactions of four small writes by ${clients} sessions, servers in memory, medians of ${rounds} rounds in turns.`,
      '',
      ...tableOf(
        [
          '',
          'log for a transaction',
          'ratio',
          'processor time of the server',
          'ratio',
          'a transaction',
        ],
        states.map((state) => [
          state.name,
          `${Math.round(of(state, 'walBytes')).toLocaleString('en')} bytes`,
          times(of(state, 'walBytes') / of(base, 'walBytes')),
          `${of(state, 'cpuMs').toFixed(2)} ms`,
          times(of(state, 'cpuMs') / of(base, 'cpuMs')),
          ms(of(state, 'p50')),
        ]),
        { numbers: true },
      ),
      '',
      `A rescue while ${clients} clients write: ${middle('rows').toLocaleString('en')} rows compared, writes paused for ${ms(middle('pauseMs'))} by Drydock's own clock, and no client could write for ${ms(middle('nobodyMs'))}.`,
    ],
    goals: [
      {
        goal: 'writes pause for less than half a second in a rescue',
        measured: ms(middle('nobodyMs')),
        isMet: middle('nobodyMs') < 500,
      },
    ],
  });
}
