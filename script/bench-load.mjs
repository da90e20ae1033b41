// The example application under steady traffic while everything that Drydock does to production is done to
// it: what do its users feel of it? Error count and latency of each phase. `--users N`, `--clients N` and
// `--pause MS` change the load; `--write` puts the table into docs/load.md and the picture into docs/load.svg.

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { importSource } from './import-source.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(2),
  options: {
    users: { type: 'string', default: '100000' },
    clients: { type: 'string', default: '8' },
    pause: { type: 'string', default: '20' },
    write: { type: 'boolean', default: false },
  },
});
const users = Number(options.users);
const clients = Number(options.clients);
const pauseMs = Number(options.pause);
const loadBefore = loadavg()[0];

const { setStage, commitAll, databaseOf, urlOf } = await importSource('src/cli/demo/stage.ts');
const { prologue } = await importSource('src/cli/demo/story.ts');
const { quietContext } = await importSource('src/core/context.ts');
const { connect } = await importSource('src/postgres/connect.ts');

const context = quietContext();
const stage = await setStage(context);
const production = databaseOf('production');
const command = join(stage.backend, 'node_modules', '.bin', 'drydock');
const answers = `--yes --confirm ${production}`;
const requests = [];
const phases = [];
let beganAt = 0;
let running = true;
let version = '';

try {
  await prologue(context, stage);
  const database = await connect(stage.server.address(production), { purpose: 'bench' });
  version = (await database.one("SELECT current_setting('server_version') AS v")).v.split(' ')[0];
  await database.close();
  await toStaging([
    'migrations/008_add_teacher_mode.sql',
    'src/features/teachers.ts',
    'src/features/index.ts',
  ]);

  const traffic = Array.from({ length: clients }, client);
  // Connections, caches and the compiler of the application, before anything is measured.
  await sleep(5_000);
  requests.length = 0;
  beganAt = performance.now();
  await phase('traffic alone', () => sleep(15_000));
  await phase('backup', () => drydock('backup production'));
  await phase('prove: the backup, restored and compared', () => drydock('prove production'));
  await phase('rehearse on a copy of it', () => drydock('rehearse production', [0, 4]));
  await phase('apply 008: gates, backup, proof, rehearsal, the change', () =>
    drydock(`apply production --told-by Ana ${answers}`),
  );
  await phase('deploy the release of it', () => drydock('deploy production'));
  await phase('monitor, 15 s', () => drydock('monitor production --every 1s --for 15s', [0, 9]));
  await phase('arm a rescue, with a second database that follows', () => drydock('arm production'));
  await phase('rescue: that database takes its place', () =>
    drydock(`rescue production ${answers}`, [0, 8]),
  );
  await phase('restore the newest backup, and swap', () =>
    drydock(`restore production ${answers}`),
  );
  await phase('traffic alone, afterwards', () => sleep(10_000));
  running = false;
  await Promise.all(traffic);

  const rows = phases.map((each) => ({ ...each, ...figuresOf(each) }));
  console.log(table(rows));
  if (options.write) {
    writeFileSync('docs/load.md', page(rows));
    writeFileSync('docs/load.svg', picture(rows));
  }
} finally {
  running = false;
  await stage.strike();
}

// The code and the migration of a release, from the example; committed, and through staging.
async function toStaging(files) {
  for (const file of files)
    cpSync(join('examples/homework-helper/backend', file), join(stage.backend, file));
  await drydock('apply dev');
  await commitAll(stage, `Bring ${basename(files[0])}`);
  await drydock('backup staging');
  await drydock('apply staging');
  await drydock('deploy staging');
  // The shortened soak of the stage, looked at as the configuration wants it.
  for (let second = 0; second < 5; second += 1) {
    await drydock('health staging');
    await sleep(1_000);
  }
}

async function phase(name, work) {
  const from = performance.now();
  await work();
  phases.push({ name, from, to: performance.now() });
  // What comes next begins when this is over for the users too.
  await sleep(2_000);
}

function drydock(line, expected = [0]) {
  return new Promise((resolve, reject) => {
    const how = { cwd: stage.backend, env: stage.variables, maxBuffer: 1e8 };
    execFile(command, line.split(' '), how, (error, stdout, stderr) => {
      const exit = error?.code ?? 0;
      if (expected.includes(exit)) resolve(stdout);
      else reject(new Error(`drydock ${line} ended with ${exit}:\n${stdout}\n${stderr}`));
    });
  });
}

// As scripts/traffic.ts of the example: a connection that is refused or broken is tried again for five
// seconds, as a load balancer does, and the time counts; every other answer that is none is an error.
async function client() {
  const agent = new Agent({ keepAlive: true });
  while (running) {
    const { method, path, body } = chooseAction();
    const at = performance.now();
    let status = 0;
    while (status === 0 && performance.now() - at < 5_000) {
      status = await send(agent, { method, path, body }).catch(() => 0);
      if (status === 0) await sleep(20);
    }
    const failed = status === 0 || (status >= 400 && status !== 403);
    requests.push({ at, ms: performance.now() - at, failed });
    await sleep(pauseMs);
  }
  agent.destroy();
}

function chooseAction() {
  const user = `user-${1 + Math.floor(Math.random() * users)}`;
  const dice = Math.random();
  if (dice < 0.5) return { method: 'GET', path: `/api/users/${user}/homework` };
  if (dice < 0.75) return { method: 'GET', path: `/api/users/${user}` };
  const body = { user_id: user, subject: 'Mathematics', title: `Exercise of ${user}` };
  return { method: 'PUT', path: `/api/homework/${randomUUID()}`, body };
}

function send(agent, { method, path, body }) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const outgoing = request(
      new URL(path, urlOf(stage, 'production')),
      { method, agent, timeout: 10_000, headers },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
        response.once('error', reject);
      },
    );
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function figuresOf({ from, to }) {
  // What was asked during the phase, and what it left behind in the moment after.
  const met = requests.filter(({ at, ms }) => at + ms >= from && at <= to + 500);
  const times = met.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    requests: met.length,
    errors: met.filter(({ failed }) => failed).length,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    worst: times.at(-1) ?? 0,
  };
}

function quantile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function table(rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  return [
    line(['', 'phase', 'took', 'requests', 'errors', 'p50', 'p99', 'worst']),
    line(['--:', '---', '--:', '--:', '--:', '--:', '--:', '--:']),
    ...rows.map(({ name, from, to, requests: count, errors, p50, p99, worst }, index) =>
      line([
        index + 1,
        name,
        `${((to - from) / 1_000).toFixed(1)} s`,
        count,
        errors,
        ms(p50),
        ms(p99),
        ms(worst),
      ]),
    ),
  ].join('\n');
}

function page(rows) {
  const errors = requests.filter(({ failed }) => failed).length;
  const rate = Math.round(requests.length / ((rows.at(-1).to - rows[0].from) / 1_000));
  return `# What users feel

Written by \`script/bench load --write\`: the example application with ${users.toLocaleString('en')} users and
${(users * 3).toLocaleString('en')} pieces of homework, ${clients} clients that ask about ${rate} times a second, a quarter of
it writes, while everything that Drydock does to production is done to it. A connection that is refused or broken
is tried again, as a load balancer does, and the wait counts; every other answer that is none is an error.

Of ${requests.length.toLocaleString('en')} requests ${errors === 0 ? 'none' : errors} failed.

${table(rows)}

![Latency of each second, with the phases](load.svg)

Times include the half second after a phase. The numbers in the picture are those of the table.

Server, application, clients, the copies of proofs and rehearsals and Drydock itself share one machine here, so most
of what is seen in the phases that only read is the work for the copy, which belongs on another machine
(\`sandbox.server\` in the [configuration](configuration.md)). What no machine takes away: the swap of a restore and of a
rescue, in which writers wait.

PostgreSQL ${version}, Node ${process.version}, ${availableParallelism()} processors (${cpus()[0]?.model.trim()}), with a load of
${loadBefore.toFixed(1)} from elsewhere before and ${loadavg()[0].toFixed(1)} at the end.
`;
}

// Latency of each second on a logarithmic scale, plain shapes, in the colours of the reader's theme.
function picture(rows) {
  const [width, height, left, right, top, bottom] = [800, 380, 56, 16, 44, 44];
  const endMs = rows.at(-1).to - beganAt;
  const x = (at) => left + ((at - beganAt) / endMs) * (width - left - right);
  const worstOfAll = Math.max(...requests.map(({ ms }) => ms));
  const [low, high] = [0.5, 10 ** Math.ceil(Math.log10(worstOfAll))];
  const y = (ms) =>
    height -
    bottom -
    (Math.log10(Math.max(ms, low) / low) / Math.log10(high / low)) * (height - top - bottom);
  const seconds = Array.from({ length: Math.ceil(endMs / 1_000) }, (_, second) => {
    const at = beganAt + second * 1_000;
    const met = requests.filter((each) => each.at >= at && each.at < at + 1_000);
    const times = met.map(({ ms }) => ms).sort((a, b) => a - b);
    return { at: at + 500, times, failed: met.some(({ failed }) => failed) };
  }).filter(({ times }) => times.length > 0);
  const line = (name, of) =>
    `<polyline class="${name}" points="${seconds.map(({ at, times }) => `${x(at).toFixed(1)},${y(of(times)).toFixed(1)}`).join(' ')}"/>`;
  const ticks = [];
  for (let ms = 1; ms <= high; ms *= 10) {
    ticks.push(
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(ms).toFixed(1)}" y2="${y(ms).toFixed(1)}"/>`,
      `<text x="${left - 8}" y="${(y(ms) + 4).toFixed(1)}" text-anchor="end">${ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`}</text>`,
    );
  }
  for (let at = 0; at <= endMs; at += 20_000) {
    ticks.push(
      `<text x="${x(beganAt + at).toFixed(1)}" y="${height - bottom + 18}" text-anchor="middle">${at / 1_000} s</text>`,
    );
  }
  const bands = rows.flatMap(({ from, to }, index) => {
    const middle = ((x(from) + x(to)) / 2).toFixed(1);
    const band = { x: x(from).toFixed(1), width: Math.max(1, x(to) - x(from)).toFixed(1) };
    return [
      `<rect class="band" x="${band.x}" width="${band.width}" y="${top}" height="${height - top - bottom}"/>`,
      `<text class="number" x="${middle}" y="${top - 6}" text-anchor="middle">${index + 1}</text>`,
    ];
  });
  const marks = seconds
    .filter(({ failed }) => failed)
    .map(({ at }) => `<circle class="error" cx="${x(at).toFixed(1)}" cy="${top + 8}" r="4"/>`);
  const legend = [
    ['p50', 'half of the requests'],
    ['p99', '99 of 100'],
    ['worst', 'the slowest'],
  ].map(
    ([name, label], index) =>
      `<line class="${name}" x1="${left + index * 190}" x2="${left + index * 190 + 24}" y1="14" y2="14"/>` +
      `<text x="${left + index * 190 + 30}" y="18">${label} (${name})</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">
<title id="title">Latency of the application, second by second, while Drydock works on its database</title>
<style>
  text { font: 12px system-ui, sans-serif; fill: #333 }
  .number { font-weight: 600 }
  .grid { stroke: #8884; stroke-width: 1 }
  .band { fill: #8882 }
  polyline, .p50, .p99, .worst { fill: none; stroke-width: 1.8; stroke-linejoin: round }
  .p50 { stroke: #1a7f37 }
  .p99 { stroke: #0b62c4 }
  .worst { stroke: #a15c00; stroke-dasharray: 3 2 }
  .error { fill: #cf222e }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd }
    .p50 { stroke: #56d364 }
    .p99 { stroke: #6cb6ff }
    .worst { stroke: #e3b341 }
    .error { fill: #ff7b72 }
  }
</style>
${[...bands, ...ticks, ...legend, line('worst', (times) => times.at(-1)), line('p99', (times) => quantile(times, 0.99)), line('p50', (times) => quantile(times, 0.5)), ...marks].join('\n')}
</svg>
`;
}
