// Writes docs/hazards.md: which hazards Drydock, squawk and pgfence name, all three run on the same
// files. Needs the network to install the other two: node script/hazard-table.mjs

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { importSource } from './import-source.mjs';
import { otherLinters } from './other-linters.mjs';

const { check } = await importSource('src/lint/check.ts');
const { exampleOf, given, known } = await importSource('src/lint/examples.ts');
const { rules } = await importSource('src/lint/rules.ts');
const { squawk, pgfence } = otherLinters();

// Asked of nearly every file, whatever it holds: no answer to the hazard of that file.
const hygiene = new Set([
  ...[
    'require-timeout-settings',
    'require-lock-timeout',
    'require-statement-timeout',
    'prefer-robust-stmts',
  ],
  ...['prefer-text-field', 'prefer-bigint-over-int'],
  ...[
    'prefer-identity',
    'prefer-big-int',
    'prefer-timestamp-tz',
    'ban-char-field',
    'require-table-schema',
  ],
  ...[
    'missing-lock-timeout',
    'missing-statement-timeout',
    'missing-application-name',
    'missing-idle-timeout',
  ],
  ...[
    'create-index-not-idempotent',
    'create-table-not-idempotent',
    'prefer-robust-create-index',
    'prefer-robust-create-table',
  ],
  ...['prefer-robust-drop-table', 'prefer-robust-drop-index', 'prefer-robust-add-column'],
  ...[
    'not-re-runnable',
    'no-lock-timeout',
    'undocumented-migration',
    'new-column-breaks-prepared-select',
  ],
]);
const rowsAboutHygiene = new Set([19, 64, 65, 66, 69, 70, 75, null]);

const tools = {
  Drydock: async (example) => {
    const { findings } = await check([example], { schema: known(example) });
    return findings.map(({ rule, severity }) => ({ rule, loud: severity !== 'info' }));
  },
  'Drydock with the schema': async (example) => {
    const options = { schema: known(example), earlier: [given] };
    const { findings } = await check([example], options);
    return findings.map(({ rule, severity }) => ({ rule, loud: severity !== 'info' }));
  },
  [`squawk ${squawk.version}`]: async ({ rule, kind }) => {
    const said = run(squawk.program, ['--reporter', 'json', fileOf(rule, kind)]);
    return said.map((each) => ({ rule: each.rule_name, loud: true }));
  },
  [`pgfence ${pgfence.version}`]: async ({ rule, kind }) => {
    const args = ['analyze', '--format', 'sql', '--output', 'json', fileOf(rule, kind)];
    const { results = [] } = run(pgfence.program, args, {});
    return results.flatMap(({ checks = [], policyViolations = [] }) => [
      ...checks.map((each) => ({
        rule: each.ruleId,
        loud: each.risk !== 'SAFE' && each.risk !== 'LOW',
      })),
      ...policyViolations.map((each) => ({ rule: each.ruleId, loud: true })),
    ]);
  },
};

const lines = [];
const named = Object.fromEntries(Object.keys(tools).map((tool) => [tool, 0]));
const alarmed = Object.fromEntries(Object.keys(tools).map((tool) => [tool, 0]));
let counted = 0;
for (const rule of rules.filter(({ hazard }) => hazard !== null)) {
  const cells = [];
  counted += 1;
  // Where no form is safe, the good file is the same with Drydock's own comment, which says nothing to
  // the others.
  const isAllowed = exampleOf(rule.id, 'good').sql.includes('drydock: allow');
  for (const [tool, ask] of Object.entries(tools)) {
    const matters = ({ rule: id }) => rowsAboutHygiene.has(rule.hazard) || !hygiene.has(id);
    const bad = (await ask(exampleOf(rule.id, 'bad'))).filter(matters);
    const answers = isAllowed ? [] : await ask(exampleOf(rule.id, 'good'));
    const good = answers.filter(matters);
    const names = bad.some(({ rule: id }) => !good.some((each) => each.rule === id));
    const alarms = good.some(({ rule: id, loud }) => loud && !hygiene.has(id));
    if (names) named[tool] += 1;
    if (alarms) alarmed[tool] += 1;
    cells.push(`${names ? 'yes' : 'no'}${alarms ? ' ⚠' : ''}`);
  }
  lines.push(`| ${rule.hazard} | [${rule.title}](rules/${rule.id}.md) | ${cells.join(' | ')} |`);
}

const heads = Object.keys(tools);
const total = (counts) => heads.map((tool) => `${counts[tool]} of ${counted}`).join(' | ');
writeFileSync(
  'docs/hazards.md',
  `# Hazards, and who names them

Made by \`node script/hazard-table.mjs\`, which runs all tools on the same two files of each rule: one
with the hazard and one with the safe form. A tool *names* the hazard when it says something about the
first file that it does not say about the second, apart from what it says about nearly every file
(timeouts, IF NOT EXISTS, types it would rather see). ⚠ marks a false alarm: it complains about the safe
form, beyond such remarks. The files are Drydock's own examples, so the table says what each tool looks
for, not how good it is at what it looks for.

The first column of Drydock sees the file alone, as the other tools do; the second one knows the schema
before it ([this one](../src/lint/rules/given.sql)), from earlier migrations, a snapshot or a live database.

| row | hazard | ${heads.join(' | ')} |
|--|--|${heads.map(() => '--|').join('')}
${lines.join('\n')}
| | **named** | ${total(named)} |
| | **false alarms** | ${total(alarmed)} |
`,
);

function fileOf(rule, kind) {
  return `src/lint/rules/${rule}/${kind}.sql`;
}

function run(program, args, nothing = []) {
  const { stdout } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  try {
    return JSON.parse(stdout);
  } catch {
    return nothing;
  }
}
