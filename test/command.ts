// The built command in a small project of its own, as a child process.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import type { ConfigInput } from '../src/config/input.ts';
import { type RunResult, run } from '../src/core/process.ts';
import { firstBrokenEntry, type JournalEntry, readJournal } from '../src/history/journal.ts';
import { readLedger } from '../src/history/ledger.ts';
import type { Address } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { installedModules } from './package.ts';

/** A project folder with a configuration, migrations and the installed command. */
export interface CommandProject extends AsyncDisposable {
  readonly folder: string;
  /** Writes a file of the project. */
  write(path: string, text: string): Promise<void>;
  /** Runs `drydock` with these arguments to its end. */
  drydock(args: readonly string[], variables?: NodeJS.ProcessEnv): Promise<RunResult>;
  /** Runs a line of shell in the folder. */
  sh(line: string): Promise<RunResult>;
  /** Starts `drydock` and returns while it runs. */
  start(args: readonly string[], variables?: NodeJS.ProcessEnv): RunningCommand;
}

/** A command at work. */
export interface RunningCommand {
  readonly pid: number;
  /** What it has written on standard error so far. */
  said(): string;
  /** Sends a signal and waits for the end. */
  signal(name: NodeJS.Signals): Promise<{ exitCode: number | null; stderr: string }>;
}

/** What the project holds. */
export interface ProjectParts {
  /** Addresses of the environments' databases, by name: `staging` is read from STAGING_DATABASE_URL. */
  readonly databases: Readonly<Record<string, string>>;
  /** SQL texts, by file name. */
  readonly migrations?: Readonly<Record<string, string>>;
  /** The rest of the configuration, for each environment. */
  readonly rules?: ConfigInput['environments'];
}

/** Makes the project. */
export async function commandProject(parts: ProjectParts): Promise<CommandProject> {
  const folder = await mkdtemp(join(tmpdir(), 'drydock-project-'));
  const modules = await installedModules();
  await symlink(modules, join(folder, 'node_modules'));
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  const names = Object.keys(parts.databases);
  const variableOf = (name: string): string => `${name.toUpperCase()}_DATABASE_URL`;
  const environments = Object.fromEntries(
    names.map((name) => [name, { url: { env: variableOf(name) }, ...parts.rules?.[name] }]),
  );
  await write('drydock.config.json', JSON.stringify({ environments }, null, 2));
  await mkdir(join(folder, 'migrations'));
  for (const [name, sql] of Object.entries(parts.migrations ?? {})) {
    await write(join('migrations', name), sql);
  }
  const variables = {
    ...withoutDatabases(process.env),
    ...Object.fromEntries(names.map((name) => [variableOf(name), parts.databases[name]])),
  };
  const program = join(modules, '.bin', 'drydock');
  const running: RunningCommand[] = [];
  return {
    folder,
    write,
    drydock: (args, more = {}) =>
      run(program, args, { cwd: folder, env: { ...variables, ...more } }),
    sh: (line) => run('sh', ['-c', line], { cwd: folder, env: variables }),
    start: (args, more = {}) => {
      const command = start([program, ...args], { cwd: folder, env: { ...variables, ...more } });
      running.push(command);
      return command;
    },
    [Symbol.asyncDispose]: async () => {
      // A test that failed half-way has not ended what it began.
      await Promise.all(running.map((command) => command.signal('SIGKILL')));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Variables without those that lead to a database. */
export function withoutDatabases(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(variables).filter(
      ([name]) => name === 'PGBIN' || !/^(PG[A-Z]+|.*DATABASE_URL|DRYDOCK_\w+)$/.test(name),
    ),
  );
}

/** What a failure must say. */
export interface ExpectedFailure {
  readonly exit: number;
  readonly code: string;
  /** First words of the failure; "Nothing was changed." if left out. */
  readonly state?: string;
  /** What the message must name. */
  readonly names: readonly string[];
  /** The command, or the thing to type, that the hint must hold. */
  readonly hint: string;
}

/** The document that `--json` prints. */
export interface JsonDocument {
  readonly command: string;
  readonly ok: boolean;
  readonly exit: number;
  // biome-ignore lint/suspicious/noExplicitAny: every command has a shape of its own here.
  readonly data: any;
  readonly failure: {
    readonly code: string;
    readonly state: string;
    readonly message: string;
    readonly hint: string;
    readonly details: Readonly<Record<string, unknown>>;
  } | null;
}

/**
 * Runs a command with `--json`; standard output must hold one document and nothing else, of the
 * published shape.
 */
export async function drydockJson(
  project: CommandProject,
  args: readonly string[],
  variables?: NodeJS.ProcessEnv,
): Promise<JsonDocument & { readonly stderr: string }> {
  const { exitCode, stdout, stderr } = await project.drydock([...args, '--json'], variables);
  expect(stdout, stderr).toMatch(/^\{[\s\S]*\}\n$/);
  const document = JSON.parse(stdout) as JsonDocument;
  expect(Object.keys(document)).toEqual(['command', 'ok', 'exit', 'data', 'failure']);
  const { command, exit, ok } = document;
  expect({ exit, ok }).toEqual({ exit: exitCode, ok: exitCode === 0 });
  expect(`${args.join(' ')} `).toContain(`${command} `);
  const { error } = (await publishedSchema(command)).safeParse(document);
  expect(error?.issues ?? [], `drydock ${command} --json and its schema`).toEqual([]);
  return { ...document, stderr };
}

async function publishedSchema(command: string): Promise<z.ZodType> {
  const name = `${command.replace(' ', '-')}.json`;
  const path = join(await installedModules(), 'pg-drydock', 'dist', 'schemas', name);
  return z.fromJSONSchema(JSON.parse(await readFile(path, 'utf8')));
}

/** Runs a command that must fail, and looks at everything that a failure promises. */
export async function expectFailure(
  project: CommandProject,
  args: readonly string[],
  expected: ExpectedFailure & { readonly variables?: NodeJS.ProcessEnv },
): Promise<JsonDocument & { readonly stderr: string }> {
  const { state = 'Nothing was changed.' } = expected;
  const document = await drydockJson(project, args, expected.variables);
  const { exit, data, failure, stderr } = document;
  expect({ exit, code: failure?.code, data }, stderr).toEqual({
    exit: expected.exit,
    code: expected.code,
    data: null,
  });
  expect(failure?.state).toContain(state);
  for (const name of expected.names) expect(failure?.message).toContain(name);
  expect(failure?.message).toMatch(/^[^A-Z].*[^.]$/s);
  expect(failure?.hint).toContain(expected.hint);
  expect(failureIn(stderr)).toContain(state);
  expect(failureIn(stderr)).toMatch(new RegExp(`  ${expected.code}\\n$`));
  return document;
}

/** The failure on standard error: what stands there from its first words on. */
export function failureIn(stderr: string): string {
  const start = stderr.lastIndexOf('\n✗ ');
  return start < 0 ? stderr : stderr.slice(start + 1);
}

function start(
  [program = '', ...args]: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): RunningCommand {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  return {
    pid: child.pid ?? 0,
    said: () => stderr,
    signal: async (name) => {
      child.kill(name);
      const [exitCode] = await ended;
      return { exitCode, stderr };
    },
  };
}

/** All files of a project, but for the installed packages. */
export async function filesIn(project: CommandProject, below = '.'): Promise<string[]> {
  const { stdout } = await run('find', [below, '-name', 'node_modules', '-prune', '-o', '-print'], {
    cwd: project.folder,
  });
  return stdout.trim().split('\n').sort();
}

/** What a command could leave half-written: files, tables and indexes, and rows of the ledger. */
export async function traces(project: CommandProject, address: Address): Promise<object> {
  await using database = await connect(address, { purpose: 'test' });
  const relations = await database.query(
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
  );
  return { files: await filesIn(project), relations, ledger: await readLedger(database) };
}

/** The last entry of a database's journal, whose chain must be whole. */
export async function lastEntry(address: Address): Promise<JournalEntry | undefined> {
  await using database = await connect(address, { purpose: 'test' });
  expect(await firstBrokenEntry(database)).toBeUndefined();
  return (await readJournal(database, 1))[0]?.entry;
}
