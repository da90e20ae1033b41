// The runbook's own story on the example: teacher mode goes from a file to production; then a migration
// breaks the application, and the emergency page brings it back.

import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Context, step } from '../../core/context.ts';
import { formatDuration } from '../../core/duration.ts';
import { runOrFail } from '../../core/process.ts';
import { thousands } from '../../core/thousands.ts';
import { type Bystanders, untilReady } from './bystanders.ts';
import { type Director, found } from './director.ts';
import {
  commitAll,
  databaseOf,
  environments,
  lookEveryMs,
  type Stage,
  shortened,
  soakMs,
  urlOf,
} from './stage.ts';

/** How many users production has. */
export const users = 100_000;

const migration008 = 'migrations/008_add_teacher_mode.sql';
const migration009 = 'migrations/009_merge_premium_tiers.sql';

/** What was there before the story: migrations 001 to 007, data, and the first release everywhere. */
export async function prologue(context: Context, stage: Stage): Promise<void> {
  const { backend, variables } = stage;
  const inBackend = (command: string, more: NodeJS.ProcessEnv = {}): Promise<unknown> =>
    runOrFail('sh', ['-c', command], {
      cwd: backend,
      env: { ...variables, ...more },
      signal: context.signal,
    });
  const seed = (environment: string, flags: string): Promise<unknown> =>
    inBackend(`node --import jiti/register scripts/seed.ts ${flags}`, {
      DATABASE_URL: addressOf(stage, environment),
    });

  await step(context, 'take teacher mode out of the copy, and commit', async () => {
    await inBackend('sh ../demo/before-teacher-mode.sh .');
    await commitAll(stage, 'Homework Helper before teacher mode');
  });
  await step(context, 'bring 001 to 007 to every database', async () => {
    const past = pastConfiguration(stage);
    await Promise.all(
      environments.map((name) => inBackend(`npx --no -- drydock apply ${name} --config ${past}`)),
    );
    rmSync(past);
  });
  const label = `fill production with ${thousands(users)} users`;
  await step(context, label, async (reporter) => {
    await Promise.all([
      seed('dev', '--users 1000 --without-schools'),
      seed('staging', '--users 5000 --without-schools'),
      seed('production', `--users ${users}`),
    ]);
    reporter.summary(`and ${thousands(users * 3)} pieces of homework`);
  });
  await step(context, 'deploy the first release to staging and production', async () => {
    await Promise.all([inBackend('./deploy-staging.sh'), inBackend('./deploy-production.sh')]);
  });
}

// 001 to 007 went through their gates long ago: a configuration without guards stands for that past.
function pastConfiguration(stage: Stage): string {
  const file = join(stage.backend, 'past.config.json');
  const entries = environments.map((name) => [
    name,
    { url: { env: `${name.toUpperCase()}_DATABASE_URL` }, guarded: false },
  ]);
  writeFileSync(file, JSON.stringify({ environments: Object.fromEntries(entries) }));
  return file;
}

function addressOf(stage: Stage, environment: string): string {
  return stage.server.address(databaseOf(environment)).connectionString();
}

/** Act one: the runbook's complete example. */
export async function addTeacherMode(
  context: Context,
  stage: Stage,
  director: Director,
): Promise<void> {
  const { signal } = context;
  director.open('1. Create the migration, and look at it');
  bring(stage, [migration008]);
  await director.type(`cat ${migration008}`, {
    what: 'create 008_add_teacher_mode.sql',
    outcome: 'in the words of the runbook',
  });
  await director.type(`npx drydock check ${migration008}`, {
    what: 'check it',
    outcome: found(/file: (.*)\./),
  });
  director.tell('Two warnings: the rehearsal will tell for how long 100,000 users are locked.');

  director.open('2. Test locally, where `npm run dev:watch` runs, and commit');
  await director.type('npx drydock apply dev', { what: 'apply 008 to dev', outcome: inForce });
  bring(stage, ['src/features/teachers.ts', 'src/features/index.ts']);
  await untilReady(stage, 'dev', { requires: '008', signal });
  await director.type(makeTeacher(stage), {
    what: 'test the feature in dev',
    outcome: 'a teacher of North School',
  });
  await commitAll(stage, 'Add teacher mode database migration');

  director.open('3. Staging');
  await toStaging(context, { stage, director }, migration008);

  director.open('4. Production: the checklist, then backup, proof, rehearsal and apply');
  await director.type('./pre-deploy-check.sh production', {
    what: 'look at the checklist',
    outcome: found(/(\d+ of \d+ gates (?:is|are) closed)/),
    exit: 5,
  });
  director.tell(
    'The team was not told yet: Ana gives her word below. The demo answers the two questions by flags, --yes and --confirm; at a terminal they are asked.',
  );
  await toProduction(director, migration008);
  await director.type('./deploy-production.sh', {
    what: 'deploy 008 to production',
    outcome: found(/is (healthy)/),
  });
  await director.type(health(stage), { what: 'ask the health address', outcome: status });
}

/** Act two: a migration that breaks the application, and the way back. */
export async function breakAndRecover(
  context: Context,
  stage: Stage,
  director: Director,
): Promise<void> {
  director.open('5. A migration that looks harmless: everything is green in staging');
  const release = join(stage.backend, '..', 'demo', 'merge-tiers');
  cpSync(join(release, 'migrations'), join(stage.backend, 'migrations'), { recursive: true });
  await director.type('npx drydock apply dev', { what: 'apply 009 to dev', outcome: inForce });
  cpSync(join(release, 'src'), join(stage.backend, 'src'), { recursive: true });
  await commitAll(stage, 'Merge the premium tiers');
  await toStaging(context, { stage, director }, migration009);
  director.tell(
    'The rehearsal will see how long its UPDATE keeps rows locked. Few people write at this hour, so the team passes that gate: with a name and a reason, in the journal.',
  );
  await toProduction(
    director,
    migration009,
    ' --waive "rehearsed-within-budget=few people write at night"',
  );
  director.tell('Production has schools, which staging never had: the new code cannot read them.');
  await director.type('./deploy-production.sh', {
    what: 'deploy 009: production is ill',
    outcome: found(/application +(\d+) in/),
    exit: 9,
  });
  await director.type(health(stage), { what: 'ask the health address', outcome: message });

  director.open('6. Emergency: find the backup, restore it, roll the code back, verify');
  const output = await director.type('ls -t backups/production/*.dump', {
    what: 'find the backup',
    outcome: 'the newest one is at the top',
  });
  const backup = output.split('\n')[0] ?? '';
  await director.type(
    `./restore-database.sh production ${backup} --yes --confirm ${databaseOf('production')}`,
    { what: 'restore it beside, and swap', outcome: found(/^ +(writes paused for .*)$/m) },
  );
  await director.type('git revert --no-edit HEAD', {
    what: 'roll the code back',
    outcome: 'by a commit of its own',
  });
  await director.type('./deploy-production.sh', {
    what: 'deploy the reverted code',
    outcome: found(/is (healthy)/),
  });
  await director.type(health(stage), { what: 'verify by the health address', outcome: status });
}

/** Act three: the writes between backup and swap, which a restore leaves behind. */
export async function saveTheWrites(
  stage: Stage,
  bystanders: Bystanders,
  director: Director,
): Promise<void> {
  await bystanders.stopTraffic();
  const { acknowledged } = bystanders;
  const count = `node --import jiti/register scripts/acknowledged.ts ${acknowledged}`;
  const onProduction = { DATABASE_URL: addressOf(stage, 'production') };

  director.open('7. What users wrote between the backup and the swap');
  await director.type(count, {
    what: 'count the writes of users',
    outcome: counted,
    variables: onProduction,
  });
  const output = await director.type('npx drydock salvage production', {
    what: 'salvage from the broken database',
    outcome: 'as files of SQL',
  });
  director.tell(
    'The changed users are what 009 broke: they stay as they are. The missing rows come back.',
  );
  for (const file of missingRows(output)) {
    await director.type(`psql -q "$DATABASE_URL" -f ${file}`, {
      what: `put back ${basename(file, '.missing.sql').slice(4)}`,
      outcome: 'done',
      variables: onProduction,
    });
  }
  await director.type(count, {
    what: 'count them once more',
    outcome: counted,
    variables: onProduction,
  });
  await director.type('npx drydock history production --limit 8', {
    what: 'read the journal',
    outcome: found(/(hash chain .* intact)/),
  });
}

// What cron, or `drydock monitor staging`, does for a team: somebody looks all the while.
async function soakInStaging({ clock, signal }: Context, stage: Stage): Promise<void> {
  const { backend: cwd, variables: env } = stage;
  const end = performance.now() + soakMs;
  while (performance.now() < end) {
    await clock.sleep(Math.min(lookEveryMs, end - performance.now()), signal);
    await runOrFail('npx', ['--no', '--', 'drydock', 'health', 'staging'], { cwd, env, signal });
  }
}

async function toStaging(
  context: Context,
  { stage, director }: { readonly stage: Stage; readonly director: Director },
  migration: string,
): Promise<void> {
  const number = numberOf(migration);
  await director.type('./backup-database.sh staging', {
    what: `back up staging before ${number}`,
    outcome: found(/^([\d.,]+ .?B), \d/m),
  });
  await director.type(`./apply-migration-staging.sh ${migration}`, {
    what: `apply ${number} to staging`,
    outcome: inForce,
  });
  await director.type('./deploy-staging.sh', {
    what: `deploy ${number} to staging`,
    outcome: found(/is (healthy)/),
  });
  director.tell(shortened);
  const startedAt = performance.now();
  await step(context, 'soak in staging', () => soakInStaging(context, stage));
  const ms = performance.now() - startedAt;
  director.note({
    what: `soak ${number} in staging`,
    ms,
    outcome: `${formatDuration(ms)} for 24 h`,
  });
}

async function toProduction(director: Director, migration: string, waiver = ''): Promise<void> {
  const answers = `--told-by Ana --yes --confirm ${databaseOf('production')}${waiver}`;
  const output = await director.type(`./apply-migration-production.sh ${migration} ${answers}`, {
    what: `apply ${numberOf(migration)} to production`,
    outcome: inForce,
  });
  for (const [what, pattern] of [
    ['backup', /^Backup .*, (.*)$/m],
    ['restored and compared', /^Way back .* (in .*)$/m],
    ['rehearsed on that copy', /^[✓✗–] (Within the budget|Whether it keeps|\d+ problems?)/m],
  ] as const) {
    const outcome = found(pattern)(output);
    director.note({ what: `  ${what}`, ms: null, outcome });
  }
}

const inForce = found(/(in force) in/);
const status = found(/"status": "(.*)"/);
const message = found(/"message": "(.*)"/);

function counted(output: string): string {
  const account = JSON.parse(/^\{.*\}$/m.exec(output)?.[0] ?? '{}');
  const { acknowledged, lost } = account as { acknowledged: number; lost: number };
  return `${acknowledged} acknowledged, ${lost} missing`;
}

function numberOf(migration: string): string {
  return basename(migration).slice(0, 3);
}

function bring(stage: Stage, paths: readonly string[]): void {
  const example = join(stage.backend, 'node_modules', 'pg-drydock', 'examples', 'homework-helper');
  for (const path of paths) cpSync(join(example, 'backend', path), join(stage.backend, path));
}

// The runbook uses curl; a machine without it has node.
function health(stage: Stage): string {
  const address = `${urlOf(stage, 'production')}/api/health/detailed`;
  const shown = `grep -E '"(status|release|message|version|requires)"'`;
  return stage.hasCurl
    ? `curl -s ${address} | ${shown}`
    : `node -e "fetch('${address}').then(async (answer) => console.log(await answer.text()))" | ${shown}`;
}

function makeTeacher(stage: Stage): string {
  const address = `${urlOf(stage, 'dev')}/api/teachers/user-1`;
  const body = '{"school_name":"North School"}';
  return stage.hasCurl
    ? `curl -s -X PUT ${address} -d '${body}'`
    : `node -e "fetch('${address}', { method: 'PUT', body: '${body.replaceAll('"', '\\"')}' }).then(async (answer) => console.log(await answer.text()))"`;
}

// The files in which whole rows are missing; those with changed rows hold the harm of 009 too.
function missingRows(output: string): string[] {
  const folder = /\b(\S+_salvage)\b/.exec(output)?.[1] ?? '';
  return [...output.matchAll(/\S+\.missing\.sql/g)].map(([file]) => join(folder, file));
}
