// The runbook's own story on the example: teacher mode goes from a file to production; then a migration
// breaks the application, and the emergency page brings it back.

import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Context } from '../../core/context.ts';
import { step } from '../../core/context.ts';
import { formatDuration } from '../../core/duration.ts';
import { type BackgroundProcess, runOrFail, startBackground } from '../../core/process.ts';
import type { Director } from './director.ts';
import { commitAll, databaseOf, environments, type Stage, shortened } from './stage.ts';

const users = 100_000;
const soakMs = 6_000;
const migration008 = 'migrations/008_add_teacher_mode.sql';
const migration009 = 'migrations/009_merge_premium_tiers.sql';

/** Live traffic against production, and the file in which it writes what was acknowledged. */
export interface Traffic {
  readonly process: BackgroundProcess;
  readonly acknowledged: string;
}

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
  const label = `fill production with ${users.toLocaleString('en')} users`;
  await step(context, label, async (reporter) => {
    await Promise.all([
      seed('dev', '--users 1000 --without-schools'),
      seed('staging', '--users 5000 --without-schools'),
      seed('production', `--users ${users}`),
    ]);
    reporter.summary(`and ${(users * 3).toLocaleString('en')} pieces of homework`);
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

/** Puts traffic on production. */
export async function startTraffic(stage: Stage): Promise<Traffic> {
  const acknowledged = join(stage.folder, 'acknowledged-writes.txt');
  const address = `http://127.0.0.1:${stage.ports.production}`;
  const script = ['--import', 'jiti/register', 'scripts/traffic.ts', '--url', address];
  const process = await startBackground(
    globalThis.process.execPath,
    [...script, '--users', String(users), '--seconds', '600', '--acknowledged', acknowledged],
    { cwd: stage.backend, env: stage.variables },
  );
  return { process, acknowledged };
}

/** Act one: the runbook's complete example. */
export async function addTeacherMode(
  context: Context,
  stage: Stage,
  director: Director,
): Promise<void> {
  director.tell('1. Create the migration, and look at it');
  bring(stage, [migration008, 'src/features/teachers.ts', 'src/features/index.ts']);
  await director.type(`cat ${migration008}`, { what: 'create 008_add_teacher_mode.sql' });
  await director.type(`npx drydock check ${migration008}`, { what: 'check it' });

  director.tell('2. Test locally, and commit');
  await director.type('npx drydock apply dev', { what: 'apply to dev' });
  await commitAll(stage, 'Add teacher mode database migration');

  director.tell('3. Staging');
  await toStaging(context, director, migration008);

  director.tell('4. Production: the checklist, then the apply with backup, proof and rehearsal');
  await director.type('./pre-deploy-check.sh production', {
    what: 'look at the checklist',
    exit: 5,
  });
  await toProduction(director, migration008);
  await director.type('./deploy-production.sh', { what: 'deploy to production' });
  await director.type(health(stage), { what: 'ask the health address' });
}

/** Act two: a migration that breaks the application, and the way back. */
export async function breakAndRecover(
  context: Context,
  stage: Stage,
  director: Director,
): Promise<void> {
  director.tell('5. A migration that looks harmless: everything is green in staging');
  const demo = join(stage.backend, '..', 'demo', 'merge-tiers');
  cpSync(demo, stage.backend, { recursive: true });
  await commitAll(stage, 'Merge the premium tiers');
  await director.type('npx drydock apply dev', { what: 'apply 009 to dev' });
  await toStaging(context, director, migration009);
  director.tell(
    'The rehearsal will see how long its UPDATE keeps rows locked. Few people write at this hour, so the team passes that gate: with a name and a reason, in the journal.',
  );
  await toProduction(
    director,
    migration009,
    ' --waive "rehearsed-within-budget=few people write at night"',
  );
  await director.type('./deploy-production.sh', { what: 'deploy 009: production is ill', exit: 9 });
  await director.type(health(stage), { what: 'ask the health address' });

  director.tell('6. Emergency: find the backup, restore it, verify, roll the code back');
  const { stdout } = await director.type('ls -t backups/production/*.dump', {
    what: 'find the backup',
  });
  const backup = stdout.split('\n')[0] ?? '';
  await director.type(
    `./restore-database.sh production ${backup} --yes --confirm ${databaseOf('production')}`,
    { what: 'restore it beside, and swap' },
  );
  await director.type('git revert --no-edit HEAD', { what: 'roll the code back' });
  await director.type('./deploy-production.sh', { what: 'deploy the reverted code' });
  await director.type(health(stage), { what: 'verify by the health address' });
  await director.type('npx drydock history production --limit 8', { what: 'read the journal' });
}

/** What became of the writes that users were told are done. */
export async function countWrites(
  stage: Stage,
  traffic: Traffic,
  director: Director,
): Promise<void> {
  await traffic.process.stop();
  director.tell('What did the restore lose?');
  const script = `node --import jiti/register scripts/acknowledged.ts ${traffic.acknowledged}`;
  const { stdout } = await director.type(`DATABASE_URL=$PRODUCTION_DATABASE_URL ${script}`, {
    what: 'look for every acknowledged write',
    variables: { PRODUCTION_DATABASE_URL: addressOf(stage, 'production') },
  });
  const { acknowledged, lost } = JSON.parse(stdout) as { acknowledged: number; lost: number };
  director.note({
    what: 'writes that users were told are done',
    ms: 0,
    outcome: `${acknowledged}, ${lost} left behind`,
  });
  director.tell(`The ${lost} writes since the backup are not gone: the broken database is kept.`);
}

async function toStaging(context: Context, director: Director, migration: string): Promise<void> {
  const name = basename(migration, '.sql').slice(0, 3);
  await director.type('./backup-database.sh staging', { what: `back up staging before ${name}` });
  await director.type(`./apply-migration-staging.sh ${migration}`, {
    what: `apply ${name} to staging`,
  });
  await director.type('./deploy-staging.sh', { what: `deploy ${name} to staging` });
  director.tell(shortened);
  const startedAt = performance.now();
  await step(context, 'soak in staging', () => context.clock.sleep(soakMs, context.signal));
  const ms = performance.now() - startedAt;
  director.note({ what: `soak ${name} in staging`, ms, outcome: `${formatDuration(ms)} for 24 h` });
}

async function toProduction(director: Director, migration: string, waiver = ''): Promise<void> {
  const answers = `--told-by Ana --yes --confirm ${databaseOf('production')}${waiver}`;
  await director.type(`./apply-migration-production.sh ${migration} ${answers}`, {
    what: `apply ${basename(migration, '.sql').slice(0, 3)} to production`,
  });
}

function bring(stage: Stage, paths: readonly string[]): void {
  const example = join(stage.backend, 'node_modules', 'pg-drydock', 'examples', 'homework-helper');
  for (const path of paths) cpSync(join(example, 'backend', path), join(stage.backend, path));
}

// The runbook uses curl; a machine without it has node.
function health(stage: Stage): string {
  const address = `http://127.0.0.1:${stage.ports.production}/api/health/detailed`;
  return stage.hasCurl
    ? `curl -s ${address} | head -n 21`
    : `node -e "fetch('${address}').then(async (answer) => console.log(await answer.text()))"`;
}
