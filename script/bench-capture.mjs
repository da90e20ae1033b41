// Measures what capture by triggers costs the application: pgbench's transactions (four small writes each) with
// nothing armed, with triggers on all four tables and on one, in turns on one throw-away server. Log and CPU of
// the server per transaction, as factors. Needs pgbench.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { importSource } from './import-source.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(2),
  options: {
    rounds: { type: 'string', default: '3' },
    transactions: { type: 'string', default: '20000' },
  },
});
const transactions = Number(options.transactions);

const { startServer } = await importSource('src/sandbox/server.ts');
const { connect } = await importSource('src/postgres/connect.ts');
const { quietContext } = await importSource('src/core/context.ts');
const { install } = await importSource('src/history/install.ts');

const settings = { wal_level: 'replica', max_wal_senders: '6', fsync: 'off', autovacuum: 'off' };
const server = await startServer(quietContext(), { purpose: 'bench', settings });
const address = server.address('postgres');
const database = await connect(address, { purpose: 'bench' });
await install(database);
pgbench('-i', '-s', '10', '-q');
await database.execute(
  `INSERT INTO drydock.rescue_runs (capture, slot, copy, identities, log_limit, begun_by)
   SELECT 'triggers', 'drydock_rescue_' || oid, '', '[]', 1e12, 'bench' FROM pg_database WHERE datname = current_database()`,
);

const tables = ['accounts', 'branches', 'history', 'tellers'].map((name) => `pgbench_${name}`);
const subjects = [
  { name: 'nothing', watched: [] },
  { name: 'triggers on one of four tables', watched: ['pgbench_accounts'] },
  { name: 'triggers on all four tables', watched: tables },
];
const figures = subjects.map(() => []);
for (let round = 0; round < Number(options.rounds); round += 1) {
  for (const [at, { watched }] of subjects.entries()) figures[at].push(await measure(watched));
}
const [nothing] = figures.map(best);
for (const [at, { name }] of subjects.entries()) {
  const { walBytes, cpuMs, logBytes } = best(figures[at]);
  const factor = (figure, of) => (figure / of).toFixed(2);
  process.stdout.write(
    `${name.padEnd(32)} ${factor(walBytes, nothing.walBytes)} log, ${factor(cpuMs, nothing.cpuMs)} CPU, ${Math.round(logBytes)} bytes of log table for each transaction\n`,
  );
}

await database.close();
await server.stop();

async function measure(watched) {
  for (const table of watched) {
    await database.execute(`SELECT drydock.rescue_watch('${table}'::regclass)`);
  }
  await database.execute('TRUNCATE pgbench_history');
  await database.execute('VACUUM pgbench_accounts, pgbench_branches, pgbench_tellers');
  await database.execute('CHECKPOINT');
  const before = await reading();
  pgbench('-n', '-c', '4', '-M', 'prepared', '-t', String(transactions / 4));
  const after = await reading();
  const { bytes } = await database.one(
    "SELECT pg_total_relation_size('drydock.rescue_log')::float8 AS bytes",
  );
  for (const table of watched) {
    await database.execute(
      `DROP TRIGGER "RI_ConstraintTrigger_drydock" ON ${table}; DROP TRIGGER drydock_rescue_truncate ON ${table}`,
    );
  }
  await database.execute('TRUNCATE drydock.rescue_log');
  return {
    walBytes: (after.wal - before.wal) / transactions,
    cpuMs: (after.cpuMs - before.cpuMs) / transactions,
    logBytes: watched.length === 0 ? 0 : bytes / transactions,
  };
}

// Processes that have ended are counted with the one that started them.
async function reading() {
  const { wal } = await database.one(
    "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal",
  );
  const pid = readFileSync(join(await dataDirectory(), 'postmaster.pid'), 'utf8').split('\n')[0];
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  return { wal, cpuMs: (Number(fields[13]) + Number(fields[14])) * 10 };
}

async function dataDirectory() {
  const { folder } = await database.one("SELECT current_setting('data_directory') AS folder");
  return folder;
}

function best(runs) {
  return Object.fromEntries(
    Object.keys(runs[0]).map((key) => [key, Math.min(...runs.map((run) => run[key]))]),
  );
}

function pgbench(...args) {
  const { status, stderr } = spawnSync('pgbench', [...args, address.connectionString()], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
}
