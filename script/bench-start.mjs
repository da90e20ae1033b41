// Measures the start of the command line as a multiple of an empty Node script, in the same minute
// on the same machine: seconds differ from machine to machine, multiples hardly.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median, ms, tableOf, tellFigures, times } from './figures.mjs';

const { values: options } = parseArgs({ options: { write: { type: 'boolean' } } });
const rounds = 25;
const folder = mkdtempSync(join(tmpdir(), 'drydock-bench-'));
const empty = join(folder, 'empty.mjs');
const migration = join(folder, '001_add_last_seen.sql');
writeFileSync(empty, '');
writeFileSync(migration, 'ALTER TABLE users ADD COLUMN last_seen timestamptz;\n');

const drydock = 'dist/cli/main.js';
const subjects = [
  { name: 'an empty script', args: [empty] },
  { name: '`drydock --version`', args: [drydock, '--version'] },
  { name: '`drydock --help`', args: [drydock, '--help'] },
  { name: '`drydock check FILE`', args: [drydock, 'check', migration] },
];

// In turns, so that a moment in which the machine is busy meets all of them.
const taken = new Map(subjects.map(({ name }) => [name, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const { name, args } of subjects) {
    const startedAt = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    taken.get(name).push(performance.now() - startedAt);
    // Status 3 tells of findings: the check did its work.
    if (status !== 0 && status !== 3) throw new Error(`${name} ended with ${status}: ${stderr}`);
  }
}
rmSync(folder, { recursive: true });

const [base, version] = subjects.map(({ name }) => median(taken.get(name)));
tellFigures('start', {
  write: options.write,
  lines: tableOf(
    ['command', `median of ${rounds}`, 'beside an empty script'],
    subjects.map(({ name }) => [
      name,
      ms(median(taken.get(name))),
      times(median(taken.get(name)) / base),
    ]),
    { numbers: true },
  ),
  goals: [
    {
      goal: '`drydock --version` starts within 1.25 × an empty script',
      measured: times(version / base),
      isMet: version / base <= 1.25,
    },
  ],
});
