// Measures `drydock check` against the newest squawk, in turns, in the same minute on the same machine:
// one file, 1,000 files of ten statements, and the same 1,000 files once more unchanged.
// Needs the build and, once, the network.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median, ms, tableOf, tellFigures, times } from './figures.mjs';
import { otherLinters } from './other-linters.mjs';

const { values: options } = parseArgs({ options: { write: { type: 'boolean' } } });
const rounds = 7;
const timeProgram = existsSync('/usr/bin/time') ? '/usr/bin/time' : undefined;
const { squawk, pgfence } = otherLinters();
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
  { files: '1', by: 'drydock', command: [...drydock, '--no-cache', one] },
  { files: '1', by: 'squawk', command: [...quiet, one] },
  { files: '1', by: 'pgfence', command: [pgfence.program, 'analyze', '--output', 'json', one] },
  { files: '1,000', by: 'drydock, cold', command: [...drydock, '--no-cache', folder] },
  { files: '1,000', by: 'squawk', command: [...quiet, ...all] },
  {
    files: '1,000',
    by: 'pgfence',
    command: [pgfence.program, 'analyze', '--output', 'json', ...all],
  },
  { files: '1,000', by: 'drydock, unchanged', command: [...drydock, folder], isWarm: true },
];

const env = { ...process.env, XDG_CACHE_HOME: join(scratch, 'cache') };
for (const { command, isWarm } of subjects) if (isWarm) run(command);
for (const subject of subjects) Object.assign(subject, { taken: [], peakMb: 0 });
for (let round = 0; round < rounds; round += 1) {
  for (const subject of subjects) {
    const { tookMs, peakMb } = run(subject.command);
    subject.taken.push(tookMs);
    subject.peakMb = Math.max(subject.peakMb, peakMb);
  }
}
rmSync(scratch, { recursive: true });

const [, oneBySquawk, , cold, bySquawk, , unchanged] = subjects;
const beside = (subject, other) => median(subject.taken) / median(other.taken);
const megabytes = (value) => (value > 0 ? `${value.toFixed(0)} MB` : 'not known');
tellFigures('check', {
  write: options.write,
  lines: [
    `squawk ${squawk.version}, pgfence ${pgfence.version}; medians of ${rounds} rounds in turns, files of ten statements.`,
    '',
    ...tableOf(
      ['files', 'by', 'time', 'beside squawk', 'most memory'],
      subjects.map((subject) => [
        subject.files,
        subject.by,
        ms(median(subject.taken)),
        times(beside(subject, subject.files === '1' ? oneBySquawk : bySquawk)),
        megabytes(subject.peakMb),
      ]),
      { numbers: true },
    ),
  ],
  goals: [
    {
      goal: '1,000 files, cold, within 1.5 × squawk',
      measured: times(beside(cold, bySquawk)),
      isMet: beside(cold, bySquawk) <= 1.5,
    },
    {
      goal: '1,000 unchanged files faster than squawk',
      measured: times(beside(unchanged, bySquawk)),
      isMet: beside(unchanged, bySquawk) < 1,
    },
    {
      goal: 'below 200 MB of memory',
      measured: megabytes(cold.peakMb),
      isMet: cold.peakMb > 0 && cold.peakMb < 200,
    },
  ],
});

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
  const tookMs = performance.now() - startedAt;
  if (error !== undefined || status > 3)
    throw new Error(`${program} ${args[0]}: ${error ?? stderr}`);
  const peak = Number(stderr.trim().split('\n').at(-1));
  return { tookMs, peakMb: Number.isFinite(peak) ? peak / 1024 : 0 };
}
