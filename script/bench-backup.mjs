// Measures backup, proof and restore beside pg_dump and pg_restore by hand with their best settings, in
// one run on one machine, in turns, the best of each: multiples travel, seconds do not, and whatever else
// runs on the machine only ever adds to them. `--size GB` and `--rounds N` change it.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pause } from './clients.mjs';
import { median, ms, tableOf, tellFigures, times, versionOf } from './figures.mjs';
import { importSource } from './import-source.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(2),
  options: {
    size: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '20' },
    write: { type: 'boolean' },
  },
});
const sizeBytes = Number(options.size) * 1024 ** 3;
const rounds = Number(options.rounds);

const { startServer } = await importSource('src/sandbox/server.ts');
const { backUp } = await importSource('src/backup/back-up.ts');
const { prove } = await importSource('src/backup/prove.ts');
const { restore } = await importSource('src/restore/restore.ts');
const { connect } = await importSource('src/postgres/connect.ts');
const { clientFor, programPath } = await importSource('src/postgres/programs.ts');
const { quietContext } = await importSource('src/core/context.ts');

const context = quietContext();
const folder = mkdtempSync(join(tmpdir(), 'drydock-bench-'));
// Twice the size: the restore builds a second copy on the same server.
const server = await startServer(context, { purpose: 'bench', sizeBytes: sizeBytes * 2.5 });
const live = server.address('bench');
const clients = await clientFor(server.major * 10_000);
const jobs = String(Math.min(4, availableParallelism()));

try {
  await sql('postgres', 'CREATE DATABASE bench');
  await fill();
  const [{ bytes }] = await sql('bench', 'SELECT pg_database_size(current_database()) AS bytes');
  const { backups, proofs, taken } = await measureBackup();
  const swap = await measureSwap();
  tell({ bytes, backups, proofs, taken, swap }, await versionOf(server));
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measureBackup() {
  const byHand = join(folder, 'by-hand');
  const taken = [];
  const inTurns = async (subjects) => {
    const taken = subjects.map(() => []);
    const work = subjects.map(() => []);
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, [, run]] of subjects.entries()) {
        // What one writes to the disk must not be paid by the next.
        spawnSync('sync');
        const before = cpuMs('self') + cpuMs(postmaster(server));
        const startedAt = performance.now();
        const other = await run();
        taken[index].push(performance.now() - startedAt);
        // A session's time is its parent's when the session has ended.
        await pause(300);
        const others = other === undefined ? 0 : cpuMs(postmaster(other));
        work[index].push(cpuMs('self') + cpuMs(postmaster(server)) + others - before);
        await other?.stop();
      }
    }
    return subjects.map(([name], index) => ({
      name,
      tookMs: Math.min(...taken[index]),
      workMs: Math.min(...work[index]),
    }));
  };
  const dump = (how, path) => {
    rmSync(path, { recursive: true, force: true });
    program('pg_dump', [...how, `--file=${path}`], live);
  };
  const backups = await inTurns([
    ['pg_dump -Fd -Z1, in parallel', () => dump(['-Fd', '-Z1', `-j${jobs}`], byHand)],
    ['pg_dump -Fc', () => dump(['-Fc'], join(folder, 'custom'))],
    [
      'drydock backup',
      async () => {
        taken.push(await backUp(context, settings()));
      },
    ],
    [
      'drydock backup --hash-all',
      async () => {
        await backUp(context, { ...settings(), hashUpToBytes: Infinity });
      },
    ],
  ]);
  const backup = taken.at(-1);
  const proofs = await inTurns([
    ['pg_restore, in parallel', () => restoreByHand(byHand)],
    [
      'drydock prove',
      async () => {
        const proven = await prove(context, {
          backup,
          startServer: (wanted) => startServer(context, wanted),
        });
        return proven.server;
      },
    ],
  ]);
  return { backups, proofs, taken: backup.manifest };
}

// As a person would: a fresh server, a database, the roles are there, pg_restore.
async function restoreByHand(path) {
  const other = await startServer(context, { purpose: 'bench', major: server.major, sizeBytes });
  await sqlAt(other.address('postgres'), 'CREATE DATABASE bench');
  program('pg_restore', ['--exit-on-error', `--jobs=${jobs}`, path], other.address('bench'));
  return other;
}

async function measureSwap() {
  const backup = await backUp(context, settings());
  const writers = Array.from({ length: Number(options.clients) }, () => startWriter());
  await pause(2_000);
  const startedAt = performance.now();
  const report = await restore(context, {
    environment: 'bench',
    live,
    backup,
    carryOver: async () => {},
  });
  const tookMs = performance.now() - startedAt;
  await pause(2_000);
  const written = await Promise.all(writers.map((writer) => writer.stop()));
  const all = written.flat().sort((a, b) => a - b);
  // Not Math.max(...): there are more writes than a call takes arguments.
  const longest = (moments) =>
    moments.slice(1).reduce((most, at, index) => Math.max(most, at - moments[index]), 0);
  return {
    tookMs,
    usualMs: median(written.map((each) => gapMedian(each))),
    pauseMs: report.pauseMs,
    nobodyMs: longest(all),
    unluckiestMs: Math.max(...written.map(longest)),
  };
}

function startWriter() {
  const moments = [];
  let running = true;
  const work = (async () => {
    while (running) {
      try {
        const session = await connect(live, { purpose: 'writer' });
        try {
          while (running) {
            await session.query('INSERT INTO events (user_id, body) VALUES (1, $1)', ['{}']);
            moments.push(performance.now());
          }
        } finally {
          await session.close();
        }
      } catch {
        // Ended by the swap: an application connects again.
        await pause(5);
      }
    }
  })();
  const stop = async () => {
    running = false;
    await work;
    return moments;
  };
  return { stop };
}

async function fill() {
  const rows = Math.round(sizeBytes / 1_000);
  await sql(
    'bench',
    `CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, name text, created_at timestamptz, age int);
     CREATE TABLE events (id bigserial PRIMARY KEY, user_id int, at timestamptz DEFAULT now(), body jsonb);
     CREATE TABLE orders (id int PRIMARY KEY, user_id int, total numeric(10, 2), note text, at timestamptz);
     CREATE TABLE pages (id int PRIMARY KEY, path text, text text);
     CREATE TABLE settings (name text PRIMARY KEY, value text);
     INSERT INTO settings SELECT 's' || n, md5(n::text) FROM generate_series(1, 500) n;
     INSERT INTO users SELECT n, md5(n::text) || '@example.org', 'User ' || n, now() - n * interval '1 min', n % 90
       FROM generate_series(1, ${rows}) n;
     INSERT INTO events (user_id, at, body) SELECT n % 1000 + 1, now() - n * interval '1 s',
            jsonb_build_object('kind', (ARRAY['click', 'view', 'buy'])[1 + n % 3], 'session', md5(n::text), 'n', n, 'seen', n % 7)
       FROM generate_series(1, ${rows}) n;
     INSERT INTO orders SELECT n, n % 1000 + 1, (n % 10000) / 7.0, CASE WHEN n % 5 > 0 THEN repeat(md5((n * 3)::text), 3) END, now() - n * interval '1 h'
       FROM generate_series(1, ${rows}) n;
     INSERT INTO pages SELECT n, '/page/' || n, (SELECT string_agg(md5((n * 31 + i)::text), ' ') FROM generate_series(1, 10) i)
       FROM generate_series(1, ${Math.round(rows / 2)}) n;
     CREATE INDEX ON events (user_id, at); CREATE INDEX ON orders (user_id); CREATE INDEX ON orders (at);
     ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users; ALTER TABLE events ADD FOREIGN KEY (user_id) REFERENCES users;
     `,
  );
  // As autovacuum leaves a database that has been running for a while.
  await sql('bench', 'VACUUM (ANALYZE)');
  await sql('bench', 'CHECKPOINT');
}

function settings() {
  return {
    environment: 'bench',
    address: live,
    backups: join(folder, 'backups'),
    reason: 'bench',
    by: { who: 'bench', host: 'bench' },
    plan: null,
    ledger: [],
    gitCommit: null,
  };
}

function program(name, args, address) {
  const { status, stderr } = spawnSync(
    programPath(clients, name),
    [...args, `--dbname=${address.toolArgument()}`],
    { encoding: 'utf8', env: { ...process.env, ...address.toolEnvironment() } },
  );
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
}

function sql(database, text) {
  return sqlAt(server.address(database), text);
}

async function sqlAt(address, text) {
  const session = await connect(address, { purpose: 'bench' });
  try {
    return await session.query(text);
  } finally {
    await session.close();
  }
}

function tell({ bytes, backups, proofs, taken, swap }, version) {
  const { hashes, tables } = taken.contents;
  const rows = (all) =>
    all.map(({ name, tookMs, workMs }) => [
      name,
      ms(tookMs),
      times(tookMs / all[0].tookMs),
      ...(workMs > 0 ? [ms(workMs), times(workMs / all[0].workMs)] : ['not known', '']),
    ]);
  const head = (title) => [title, 'time', 'ratio', 'work of all processors', 'ratio'];
  const ratioOf = (all, name) => all.find((each) => each.name === name).tookMs / all[0].tookMs;
  const backup = ratioOf(backups, 'drydock backup');
  const proof = ratioOf(proofs, 'drydock prove');
  tellFigures('backup', {
    server: version,
    write: options.write,
    lines: [
      `A database of ${megabytes(bytes)}, ${jobs} jobs, pg_dump and pg_restore by hand with their best settings, the best of ${rounds} rounds in turns. A proof starts a fresh server first, and so does the restore by hand. \`drydock backup\` hashes ${Object.keys(hashes.tables).length} of ${Object.keys(tables).length} tables; it has ${megabytes(taken.dump.sizeBytes)}.`,
      '',
      ...tableOf(head('backup'), rows(backups), { numbers: true }),
      '',
      ...tableOf(head('restore'), rows(proofs), { numbers: true }),
      '',
      `\`drydock restore\` with ${options.clients} clients writing, ${(swap.tookMs / 1000).toFixed(1)} s in all:`,
      '',
      ...tableOf(
        ['writes', 'time'],
        [
          ['one write of one client, median', ms(swap.usualMs)],
          ['the swap itself', ms(swap.pauseMs)],
          ['no client could write for', ms(swap.nobodyMs)],
          ['the unluckiest client waited', ms(swap.unluckiestMs)],
        ],
        { numbers: true },
      ),
    ],
    goals: [
      {
        goal: 'the backup within 1.1 × the best pg_dump',
        measured: times(backup),
        isMet: backup <= 1.1,
      },
      { goal: 'the proof within 1.1 × pg_restore', measured: times(proof), isMet: proof <= 1.1 },
      {
        goal: 'writes pause for less than a second while 20 clients write',
        measured: ms(swap.nobodyMs),
        isMet: swap.nobodyMs < 1_000,
      },
    ],
  });
}

function postmaster({ folder: place }) {
  return Number(readFileSync(join(place, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
}

// Of a process and its children that have ended (proc(5)); 0 where there is no /proc.
function cpuMs(pid) {
  if (!existsSync('/proc/self/stat')) return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}

function gapMedian(moments) {
  return median(moments.slice(1).map((moment, index) => moment - moments[index]));
}

function megabytes(bytes) {
  return `${Math.round(Number(bytes) / 1024 ** 2).toLocaleString('en')} MB`;
}
