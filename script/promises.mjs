// Writes docs/promises.md: each promise, the tests that prove it, and what they said just now.
// `node script/promises.mjs` runs those tests; it fails when one does, or when a proof names no test.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importSource } from './import-source.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const { findInstallations } = await importSource('src/postgres/programs.ts');
const [postgres] = (await findInstallations()).filter(({ hasServer }) => hasServer);
const promises = JSON.parse(readFileSync('test/promises.json', 'utf8'));
const results = runTests([
  ...new Set(promises.flatMap(({ proofs }) => proofs.map(({ file }) => file))),
]);

const rows = promises.map(({ promise, proofs }, index) => {
  const judged = proofs.map((proof) => ({ proof, tests: testsOf(proof) }));
  for (const { proof, tests } of judged) {
    if (tests.length === 0) throw new Error(`no test of ${proof.file} is called ${proof.name}`);
  }
  // A test that proves a promise in two ways is one case.
  const cases = [...new Set(judged.flatMap(({ tests }) => tests))];
  return { number: index + 1, promise, judged, ...counted(cases) };
});

writeFileSync('docs/promises.md', page());
const failed = rows.reduce((sum, row) => sum + row.failed, 0);
console.log(`docs/promises.md: ${rows.length} promises, ${failed} failed cases`);
process.exitCode = failed === 0 ? 0 : 1;

function runTests(files) {
  const folder = mkdtempSync(join(tmpdir(), 'promises-'));
  const output = join(folder, 'results.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${output}`];
  spawnSync('node_modules/.bin/vitest', ['run', ...reporters, ...files], { stdio: 'inherit' });
  const { testResults } = JSON.parse(readFileSync(output, 'utf8'));
  rmSync(folder, { recursive: true });
  return new Map(
    testResults.map(({ name, assertionResults }) => [relative(root, name), assertionResults]),
  );
}

function testsOf({ file, name = '' }) {
  return (results.get(file) ?? []).filter(({ fullName }) => fullName.includes(name));
}

function counted(tests) {
  const count = (status) => tests.filter((test) => test.status === status).length;
  return {
    passed: count('passed'),
    failed: count('failed'),
    skipped: tests.length - count('passed') - count('failed'),
  };
}

function page() {
  const day = new Date().toISOString().slice(0, 10);
  return `# What Drydock promises, and what proves it

Made by \`node script/promises.mjs\`, which runs these tests: on ${day}, with Node ${process.versions.node} and PostgreSQL ${postgres.version}. \`test/promises.json\` is the list.

| # | promise | cases passed | failed | skipped |
|---|---|---|---|---|
${rows.map(({ number, promise, passed, failed, skipped }) => `| ${number} | ${promise} | ${passed} | ${failed} | ${skipped} |`).join('\n')}

## The tests
${rows.map(section).join('\n')}`;
}

function section({ number, promise, judged }) {
  const lines = judged.map(({ proof, tests }) => {
    const { passed, failed, skipped } = counted(tests);
    const said = [
      `${passed} passed`,
      failed > 0 && `**${failed} failed**`,
      skipped > 0 && `${skipped} skipped`,
    ];
    const name = proof.name === undefined ? '' : ` “${proof.name}”`;
    return `- [${proof.file}](../${proof.file})${name}: ${said.filter(Boolean).join(', ')}`;
  });
  return `\n### ${number}. ${promise}\n\n${lines.join('\n')}\n`;
}
