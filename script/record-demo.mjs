// Plays the demo and writes its table into README.md, between the two marks: what the page shows is
// what the tool did. Run it with: npm run record-demo
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const { status, stdout } = spawnSync(process.execPath, ['dist/cli/main.js', 'demo'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (status !== 0) throw new Error(`the demo ended with status ${status}`);

const from = stdout.lastIndexOf('    what happened');
const to = stdout.indexOf(' The files stay', from);
if (from < 0 || to < 0) throw new Error('the demo printed no table');
const table = stdout.slice(from, to).trimEnd();

const readme = readFileSync('README.md', 'utf8');
const marks = /(<!-- demo: .* -->\n)[\s\S]*(<!-- end of demo -->)/;
writeFileSync(
  'README.md',
  readme.replace(marks, (_all, begin, end) => `${begin}\n\`\`\`\n${table}\n\`\`\`\n\n${end}`),
);
