// Where the demo plays: a copy of the example in a folder of its own, a throw-away server with the
// three databases, and free ports for the application.

import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Context, step } from '../../core/context.ts';
import { Failure } from '../../core/failure.ts';
import { isAlive, run, runOrFail } from '../../core/process.ts';
import { clientFor } from '../../postgres/programs.ts';
import { createDatabase } from '../../sandbox/copy.ts';
import { type SandboxServer, startServer } from '../../sandbox/server.ts';
import { scaffold } from '../init/scaffold.ts';

/** The environments of the example. */
export const environments = ['dev', 'staging', 'production'] as const;

/** The stage, ready to play on. */
export interface Stage {
  /** Everything of the demo; left behind to look at, and replaced by the next demo. */
  readonly folder: string;
  /** The example's backend: where the commands of the runbook are typed. */
  readonly backend: string;
  readonly server: SandboxServer;
  readonly ports: Readonly<Record<(typeof environments)[number], number>>;
  /** The environment variables in which the commands of the demo run. */
  readonly variables: NodeJS.ProcessEnv;
  readonly hasCurl: boolean;
  /** Stops the application everywhere, then the server. */
  strike(): Promise<void>;
}

/** What the demo's own configuration changes, said to people as it stands here. */
export const shortened =
  'The demo shortens drydock.config.ts: a soak of 3 s for 24 h, no window of 2-4am.';

/** How long that soak is waited for. */
export const soakMs = 3_500;

/** How often the demo looks at staging meanwhile. */
export const lookEveryMs = 1_000;

/** The name of an environment's database. */
export function databaseOf(environment: string): string {
  return `homework_helper_${environment}`;
}

/** Where the application of an environment answers. */
export function urlOf(stage: Stage, environment: keyof Stage['ports']): string {
  return `http://127.0.0.1:${stage.ports[environment]}`;
}

/**
 * Sets the stage. What an earlier demo left behind is stopped and removed first.
 *
 * @throws `usage/demo-running` while another demo plays, `postgres/no-client-programs`
 */
export async function setStage(context: Context): Promise<Stage> {
  if (!(await isInstalled('git'))) {
    throw new Failure({
      code: 'usage/no-git',
      message: 'git is not installed, and a release is a commit',
      hint: 'Install git (apt-get install git, or xcode-select --install), then: drydock demo',
    });
  }
  const folder = join(tmpdir(), `drydock-demo-${process.getuid?.() ?? 'user'}`);
  const backend = join(folder, 'homework-helper', 'backend');
  await step(context, 'set the stage: the example, as a git repository of its own', async () => {
    await clear(folder, backend);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'pid'), String(process.pid));
    copyExample(folder, backend);
  });
  const server = await step(context, 'start a throw-away PostgreSQL server', async (reporter) => {
    const started = await startServer(context, {
      purpose: 'demo',
      tcp: true,
      maxConnections: 60,
      // As a server has it on which a rescue can be armed: for whoever plays on with --keep.
      settings: { wal_level: 'logical' },
    });
    for (const environment of environments) {
      await createDatabase(started, { name: databaseOf(environment) });
    }
    reporter.summary(`PostgreSQL ${started.major}, three empty databases`);
    return started;
  });
  const [dev = 0, staging = 0, production = 0] = await freePorts(environments.length);
  const ports = { dev, staging, production };
  writeSettings(backend, server, ports);
  // The story types psql, which is not on everybody's PATH.
  const { folder: programs } = await clientFor(server.major * 10_000);
  const variables = commandVariables(process.env);
  variables.PATH = `${variables.PATH}${delimiter}${programs}`;
  return {
    folder,
    backend,
    server,
    ports,
    variables,
    hasCurl: await isInstalled('curl'),
    strike: async () => {
      await stopApplications(backend, variables);
      await server.stop();
      rmSync(join(folder, 'pid'), { force: true });
    },
  };
}

async function clear(folder: string, backend: string): Promise<void> {
  if (!existsSync(folder)) return;
  const pidFile = join(folder, 'pid');
  const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
  if (pid > 0 && pid !== process.pid && isAlive(pid)) {
    throw new Failure({
      code: 'usage/demo-running',
      message: `another demo is playing (process ${pid}, ${folder})`,
      hint: `End it with Ctrl-C where it runs, or: kill ${pid}`,
    });
  }
  // A demo that was killed leaves its applications running: they are stopped before they are removed.
  await stopApplications(backend, commandVariables(process.env));
  rmSync(folder, { recursive: true });
}

async function stopApplications(backend: string, variables: NodeJS.ProcessEnv): Promise<void> {
  if (!existsSync(join(backend, 'node_modules'))) return;
  for (const environment of environments) {
    await run('./scripts/stop.sh', [environment], { cwd: backend, env: variables });
  }
}

function copyExample(folder: string, backend: string): void {
  const root = packageRoot();
  const example = join(folder, 'homework-helper');
  const source = join(root, 'examples', 'homework-helper');
  cpSync(source, example, {
    recursive: true,
    // What a person left there who played with it. The package itself lies in a node_modules.
    filter: (path) => !/node_modules|\.releases|\.env$/.test(relative(source, path)),
  });
  for (const { path } of scaffold(backend)) {
    if (path.endsWith('.sh')) chmodSync(join(backend, path), 0o755);
  }
  // npm leaves .gitignore out of packages.
  appendFileSync(join(backend, '.gitignore'), 'node_modules/\n.releases/\n');
  linkDependencies(root, join(backend, 'node_modules'));
  shortenConfiguration(join(backend, 'drydock.config.ts'));
}

// The packages that this Drydock runs with, without a network.
function linkDependencies(root: string, modules: string): void {
  mkdirSync(join(modules, '.bin'), { recursive: true });
  const { resolve } = createRequire(join(root, 'package.json'));
  symlinkSync(root, join(modules, 'pg-drydock'));
  symlinkSync(join(root, 'dist', 'cli', 'main.js'), join(modules, '.bin', 'drydock'));
  for (const name of ['pg', 'jiti'])
    symlinkSync(folderOf(name, resolve(name)), join(modules, name));
}

function folderOf(name: string, entry: string): string {
  const end = join('node_modules', name);
  return entry.slice(0, entry.lastIndexOf(end) + end.length);
}

function shortenConfiguration(file: string): void {
  const text = readFileSync(file, 'utf8')
    .replace("soak: '24h'", "soak: '3s'")
    .replace(/\n\s*window: .*/, '');
  writeFileSync(file, `// ${shortened}\n${text}`);
}

function writeSettings(backend: string, server: SandboxServer, ports: Stage['ports']): void {
  const lines = environments.flatMap((environment) => {
    const upper = environment.toUpperCase();
    const address = server.address(databaseOf(environment)).connectionString();
    return [`${upper}_DATABASE_URL=${address}`, `${upper}_PORT=${ports[environment]}`];
  });
  writeFileSync(join(backend, '.env'), `${lines.join('\n')}\n`, { mode: 0o600 });
}

// The caller's own addresses must not reach the demo: it plays on its own server alone.
function commandVariables(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(PG[A-Z]+|([A-Z]+_)?DATABASE_URL|(DEV|STAGING|PRODUCTION)_PORT|PORT)$/;
  return {
    ...Object.fromEntries(
      Object.entries(own).filter(([name]) => name === 'PGBIN' || !foreign.test(name)),
    ),
    // npx warns about settings of the user's npm that have nothing to do with the story.
    npm_config_loglevel: 'error',
    GIT_AUTHOR_NAME: 'Ana',
    GIT_AUTHOR_EMAIL: 'ana@homework-helper.example',
    GIT_COMMITTER_NAME: 'Ana',
    GIT_COMMITTER_EMAIL: 'ana@homework-helper.example',
    ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}),
  };
}

/** Makes the example a git repository with one commit. */
export async function commitAll(stage: Stage, message: string): Promise<void> {
  const options = { cwd: join(stage.backend, '..'), env: stage.variables };
  if (!existsSync(join(options.cwd, '.git'))) {
    await runOrFail('git', ['init', '--quiet', '--initial-branch=main'], options);
  }
  await runOrFail('git', ['add', '--all'], options);
  await runOrFail('git', ['commit', '--quiet', '--message', message], options);
}

async function isInstalled(program: string): Promise<boolean> {
  const found = await run(program, ['--version']).catch(() => undefined);
  return found?.exitCode === 0;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
        ),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
