// Measures what a migration runner costs beside the migrations themselves, with Drydock and with other
// runners in turns, in one run on one machine: few and many small migrations, nothing to do, and where it
// stands. Needs the build and, once, the network.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { median, ms, tableOf, tellFigures, times, versionOf } from './figures.mjs';
import { importSource } from './import-source.mjs';
import { otherRunners } from './other-runners.mjs';

const { values: options } = parseArgs({ options: { write: { type: 'boolean' } } });
const sizes = [1, 10, 100, 1_000];
const rounds = 3;
const number = (n) => String(n).padStart(4, '0');

const { startServer } = await importSource('src/sandbox/server.ts');
const { connect } = await importSource('src/postgres/connect.ts');
const { quietContext } = await importSource('src/core/context.ts');

const drydock = resolve('dist/cli/main.js');
const peers = otherRunners(['dbmate', 'node-pg-migrate', 'graphile-migrate', 'knex']);
const { version: ownVersion } = JSON.parse(readFileSync('package.json', 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'drydock-bench-'));

// Small ones as they are written: a table, then columns, comments and indexes of it.
const statementOf = (n) => {
  const table = `things_${Math.ceil(n / 10)}`;
  if (n % 10 === 1) return `CREATE TABLE ${table} (id bigint PRIMARY KEY, name text NOT NULL);`;
  if (n % 10 === 2) return `CREATE INDEX ${table}_name ON ${table} (name);`;
  if (n % 10 === 3) return `COMMENT ON TABLE ${table} IS 'of migration ${n}';`;
  return `ALTER TABLE ${table} ADD COLUMN extra_${n} int;`;
};

// Each makes its project, and says how it applies, applies nothing, and tells where it stands.
const runners = [
  {
    name: `drydock ${ownVersion}`,
    isJavaScript: true,
    make: (folder, count) =>
      write(
        folder,
        count,
        'drydock.config.json',
        JSON.stringify({ environments: { dev: { url: { env: 'DATABASE_URL' } } } }),
        (n) => [`migrations/${number(n)}_step.sql`, `${statementOf(n)}\n`],
      ),
    apply: [process.execPath, drydock, 'apply', 'dev'],
    status: [process.execPath, drydock, 'status', 'dev', '--exit-code'],
  },
  {
    name: `dbmate ${peers.dbmate.version}`,
    isJavaScript: false,
    language: 'Go',
    make: (folder, count) =>
      write(folder, count, 'none', '', (n) => [
        `db/migrations/${number(n)}_step.sql`,
        `-- migrate:up\n${statementOf(n)}\n-- migrate:down\n`,
      ]),
    apply: [peers.dbmate.program, '--no-dump-schema', 'migrate'],
    status: [peers.dbmate.program, 'status'],
  },
  {
    name: `node-pg-migrate ${peers['node-pg-migrate'].version}`,
    isJavaScript: true,
    make: (folder, count) =>
      write(folder, count, 'none', '', (n) => [
        `migrations/${number(n)}_step.sql`,
        `-- Up Migration\n${statementOf(n)}\n-- Down Migration\n`,
      ]),
    apply: [process.execPath, peers['node-pg-migrate'].program, 'up', '--no-check-order'],
    // It has no word for where it stands; a dry run tells what is pending.
    status: [process.execPath, peers['node-pg-migrate'].program, 'up', '--dry-run'],
  },
  {
    name: `graphile-migrate ${peers['graphile-migrate'].version}`,
    isJavaScript: true,
    make: (folder, count) => {
      put(folder, '.gmrc', '{}');
      let previous = '-';
      for (let n = 1; n <= count; n += 1) {
        const { text, hash } = graphileFile(statementOf(n), previous);
        put(folder, `migrations/committed/${String(n).padStart(6, '0')}.sql`, text);
        previous = hash;
      }
    },
    apply: [process.execPath, peers['graphile-migrate'].program, 'migrate'],
    status: [process.execPath, peers['graphile-migrate'].program, 'status'],
    statusExits: [0, 1, 2, 3],
  },
  {
    name: `knex ${peers.knex.version}`,
    isJavaScript: true,
    make: (folder, count) => {
      // It wants to be installed where it works.
      symlinkSync(dirname(dirname(peers.knex.program)), join(folder, 'node_modules'));
      write(
        folder,
        count,
        'knexfile.cjs',
        `module.exports = { client: 'pg', connection: process.env.DATABASE_URL };\n`,
        (n) => [
          `migrations/${number(n)}_step.cjs`,
          `exports.up = (knex) => knex.raw(${JSON.stringify(statementOf(n))});\nexports.down = () => {};\n`,
        ],
      );
    },
    apply: [process.execPath, peers.knex.program, '--knexfile', 'knexfile.cjs', 'migrate:latest'],
    status: [process.execPath, peers.knex.program, '--knexfile', 'knexfile.cjs', 'migrate:list'],
  },
];
if (spawnSync('sqitch', ['--version']).status === 0) runners.push(sqitch());

const server = await startServer(quietContext(), { purpose: 'bench', tcp: true });
try {
  const results = new Map(runners.map((runner) => [runner, new Map()]));
  for (const count of sizes) {
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, runner] of runners.entries()) {
        // A process for each change: minutes.
        if (runner.isSlow && (count > 100 || round > 0)) continue;
        const taken = await measure(runner, count, `bench_${index}_${count}_${round}`);
        results.get(runner).set(count, [...(results.get(runner).get(count) ?? []), taken]);
        process.stderr.write(`${runner.name}, ${count}: ${JSON.stringify(taken)}\n`);
      }
    }
  }
  tell(results, await versionOf(server));
} finally {
  await server.stop();
  rmSync(scratch, { recursive: true, force: true });
}

async function measure(runner, count, database) {
  const admin = await connect(server.address('postgres'), { purpose: 'bench' });
  await admin.execute(`CREATE DATABASE ${database}`);
  const folder = join(scratch, database);
  mkdirSync(folder);
  runner.make(folder, count);
  const DATABASE_URL = `${server.address(database).connectionString()}?sslmode=disable`;
  const timed = (command, exits = [0]) => {
    const startedAt = performance.now();
    const [program, ...args] = command;
    const { status, stderr, stdout } = spawnSync(program, args, {
      cwd: folder,
      // graphile-migrate wants to know of a shadow database, which it touches for nothing of this.
      env: { ...process.env, DATABASE_URL, SHADOW_DATABASE_URL: `${DATABASE_URL}&shadow` },
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (!exits.includes(status))
      throw new Error(`${command.join(' ')}: ${status} ${stderr} ${stdout}`);
    return performance.now() - startedAt;
  };
  const target = runner.target?.(DATABASE_URL) ?? [];
  const taken = { apply: timed([...runner.apply, ...target]) };
  const check = await connect(server.address(database), { purpose: 'bench' });
  const { tables } = await check.one(
    "SELECT count(*)::int AS tables FROM pg_class WHERE relkind = 'r' AND relname LIKE 'things%'",
  );
  await check.close();
  if (tables !== Math.ceil(count / 10)) throw new Error(`${runner.name} made ${tables} tables`);
  taken.nothing = timed([...runner.apply, ...target], runner.nothingExits);
  taken.status = timed([...runner.status, ...target], runner.statusExits);
  await admin.execute(`DROP DATABASE ${database} WITH (FORCE)`);
  await admin.close();
  rmSync(folder, { recursive: true });
  return taken;
}

function tell(results, version) {
  const of = (runner, what, count) => {
    const taken = results.get(runner).get(count);
    return taken === undefined ? Number.NaN : median(taken.map((each) => each[what]));
  };
  const cell = (value) => (Number.isNaN(value) ? 'not measured' : ms(value));
  const columns = [
    ['1 migration', 'apply', 1],
    ['100', 'apply', 100],
    ['1,000', 'apply', 1_000],
    ['nothing to do, 10 applied', 'nothing', 10],
    ['1,000 applied', 'nothing', 1_000],
    ['status, 10 applied', 'status', 10],
    ['1,000 applied', 'status', 1_000],
  ];
  const [own, , nodePgMigrate] = runners;
  const status = of(own, 'status', 1_000) / of(nodePgMigrate, 'status', 1_000);
  const others = runners
    .filter((runner) => runner !== own && runner.isJavaScript)
    .map((runner) => of(runner, 'apply', 1_000));
  const apply = of(own, 'apply', 1_000) / Math.min(...others);
  tellFigures('runner', {
    server: version,
    write: options.write,
    lines: [
      `One statement each: tables, columns, comments, indexes. Whole processes in turns, medians of ${rounds} rounds (sqitch: one).`,
      '',
      ...tableOf(
        ['runner', ...columns.map(([title]) => title)],
        runners.map((runner) => [
          `${runner.name}${runner.language === undefined ? '' : ` (${runner.language})`}`,
          ...columns.map(([, what, count]) => cell(of(runner, what, count))),
        ]),
        { numbers: true },
      ),
    ],
    goals: [
      {
        goal: '`status` with 1,000 applied within half of node-pg-migrate',
        measured: times(status),
        isMet: status <= 0.5,
      },
      {
        goal: '1,000 migrations faster than the fastest runner in JavaScript',
        measured: times(apply),
        isMet: apply < 1,
      },
    ],
  });
}

// From Debian, where it is installed: a plan, and a script for each change.
function sqitch() {
  const [, version] = /v(\S+)/.exec(
    spawnSync('sqitch', ['--version'], { encoding: 'utf8' }).stdout,
  );
  return {
    name: `sqitch ${version}`,
    isJavaScript: false,
    language: 'Perl',
    isSlow: true,
    make: (folder, count) => {
      put(
        folder,
        'sqitch.conf',
        '[core]\nengine = pg\n[user]\nname = bench\nemail = bench@example.org\n',
      );
      const changes = Array.from({ length: count }, (_, index) => index + 1).map((n) => {
        put(folder, `deploy/step_${number(n)}.sql`, `${statementOf(n)}\n`);
        return `step_${number(n)} 2026-01-01T00:00:00Z bench <bench@example.org>`;
      });
      put(
        folder,
        'sqitch.plan',
        `%syntax-version=1.0.0\n%project=bench\n\n${changes.join('\n')}\n`,
      );
    },
    apply: ['sqitch', 'deploy', '--no-verify', '--target'],
    // 1 where nothing is to do, and where it stands tells the same.
    nothingExits: [0, 1],
    status: ['sqitch', 'status', '--target'],
    statusExits: [0, 1],
    target: (url) => [`db:${url}`],
  };
}

// Its committed files name their predecessor by a hash.
function graphileFile(sql, previous) {
  const before = previous === '-' ? '' : previous;
  const hash = `sha1:${createHash('sha1')
    .update(`${`${before}\n${sql}`.trim()}\n`)
    .digest('hex')}`;
  return { hash, text: `--! Previous: ${previous}\n--! Hash: ${hash}\n\n${sql}\n` };
}

function write(folder, count, name, text, fileOf) {
  put(folder, name, text);
  for (let n = 1; n <= count; n += 1) put(folder, ...fileOf(n));
}

function put(folder, name, text) {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}
