// Measures `drydock check` against the newest squawk, in turns, in the same minute on the same machine:
// one file, 1,000 files of ten statements, and the same 1,000 files once more unchanged.
// Needs the build and, once, the network: node script/bench-check.mjs

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { otherLinters } from './other-linters.mjs';

const rounds = 7;
const timeProgram = existsSync('/usr/bin/time') ? '/usr/bin/time' : undefined;
const { squawk } = otherLinters();
const scratch = mkdtempSync(join(tmpdir(), 'drydock-bench-check-'));
const statements = (n) => `-- Migration ${n} of the bench.
CREATE TABLE IF NOT EXISTS things_${n} (id bigint PRIMARY KEY, name text NOT NULL, made_at timestamptz DEFAULT now());
CREATE INDEX things_${n}_name ON things_${n} (name);
ALTER TABLE users ADD COLUMN extra_${n} text DEFAULT 'none';
ALTER TABLE users ALTER COLUMN extra_${n} SET NOT NULL;
CREATE INDEX CONCURRENTLY users_extra_${n} ON users (extra_${n});
ALTER TABLE orders ADD CONSTRAINT orders_extra_${n} CHECK (total > ${n}) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_extra_${n};
UPDATE users SET extra_${n} = 'some' WHERE id % 10 = ${n % 10};
INSERT INTO things_${n} SELECT g, 'thing ' || g FROM generate_series(1, 10) g;
DROP INDEX CONCURRENTLY IF EXISTS old_${n};
`;
const folder = join(scratch, 'sql');
mkdirSync(folder);
for (let n = 1; n <= 1000; n += 1) {
  writeFileSync(join(folder, `${String(n).padStart(4, '0')}_bench.sql`), statements(n));
}
const one = join(folder, '0001_bench.sql');
const all = readdirSync(folder).map((name) => join(folder, name));
const drydock = [process.execPath, 'dist/cli/main.js', 'check', '--json'];
const quiet = [squawk.program, '--reporter', 'json'];

const subjects = [
  { name: '1 file, drydock', command: [...drydock, '--no-cache', one] },
  { name: '1 file, squawk', command: [...quiet, one] },
  { name: '1,000 files, drydock, cold', command: [...drydock, '--no-cache', folder] },
  { name: '1,000 files, squawk', command: [...quiet, ...all] },
  { name: '1,000 files, drydock, unchanged', command: [...drydock, folder], warm: true },
];

const env = { ...process.env, XDG_CACHE_HOME: join(scratch, 'cache') };
for (const { command, warm } of subjects) if (warm) run(command);
const times = new Map(subjects.map(({ name }) => [name, []]));
const memory = new Map();
for (let round = 0; round < rounds; round += 1) {
  for (const { name, command } of subjects) {
    const { ms, peakMb } = run(command);
    times.get(name).push(ms);
    memory.set(name, Math.max(memory.get(name) ?? 0, peakMb));
  }
}
rmSync(scratch, { recursive: true });

console.log(`squawk ${squawk.version}, Node ${process.version}, median of ${rounds} rounds`);
for (const { name } of subjects) {
  const peak = memory.get(name);
  console.log(
    `${name.padEnd(34)}${median(times.get(name)).toFixed(0).padStart(6)} ms${peak > 0 ? `${peak.toFixed(0).padStart(6)} MB` : ''}`,
  );
}
const ratio = (a, b) => (median(times.get(a)) / median(times.get(b))).toFixed(2);
console.log(
  `cold: ${ratio('1,000 files, drydock, cold', '1,000 files, squawk')} times squawk's wall time`,
);
console.log(`unchanged: ${ratio('1,000 files, drydock, unchanged', '1,000 files, squawk')} times`);

function run([program, ...args]) {
  // Linux and macOS tell the peak memory of a child only through `time`; without it, no figure.
  const watched =
    timeProgram === undefined ? [program, args] : [timeProgram, ['-f', '%M', program, ...args]];
  const startedAt = performance.now();
  const { status, stderr, error } = spawnSync(...watched, {
    env,
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  const ms = performance.now() - startedAt;
  if (error !== undefined || status > 3)
    throw new Error(`${program} ${args[0]}: ${error ?? stderr}`);
  const peak = Number(stderr.trim().split('\n').at(-1));
  return { ms, peakMb: Number.isFinite(peak) ? peak / 1024 : 0 };
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
