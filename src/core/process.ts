// The only door to other programs. No shell unless asked for, no secret in an argument, and a child
// that is asked to stop gets a moment to do so before it is killed.

import { type ChildProcess, spawn } from 'node:child_process';
import { interrupted } from './context.ts';
import { Failure } from './failure.ts';

/** How a program is run. */
export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child. Secrets travel here and never in `args`. */
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** Called for every line that the child writes on standard error (pg_dump's progress). */
  readonly onErrorLine?: (line: string) => void;
  /** Called for every line of standard output as it appears. */
  readonly onOutputLine?: (line: string) => void;
  readonly uid?: number;
  readonly gid?: number;
  /** Written to the child's standard input. */
  readonly input?: string;
  /** Texts that must not appear in a failure (passwords). */
  readonly secrets?: readonly string[];
  /** Milliseconds between the polite signal and the forced one. */
  readonly graceMs?: number;
}

/** What a finished program left behind. */
export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const keptOutputBytes = 4 * 1024 * 1024;

/**
 * Runs a program to its end and returns its exit status and output, whatever the status is.
 *
 * @throws `process/not-found` when there is no such program; `interrupted` when the signal fired.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  if (options.signal?.aborted) throw interrupted();
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    // A group of its own: Ctrl-C in the terminal reaches Drydock alone, which then stops the child.
    detached: true,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  const stop = (): void => stopGroup(child, options.graceMs ?? 5_000);
  options.signal?.addEventListener('abort', stop, { once: true });
  const stdout = collect(child.stdout, options.onOutputLine);
  const stderr = collect(child.stderr, options.onErrorLine);
  if (options.input !== undefined && child.stdin !== null) {
    // A child that ends before reading everything closes the pipe: its exit status tells the story.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  }
  try {
    const exitCode = await ended(child, program);
    if (options.signal?.aborted) throw interrupted();
    return { exitCode, stdout: stdout(), stderr: stderr() };
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}

/**
 * Runs a program and wants it to succeed.
 *
 * @throws `process/failed` with the last lines of its standard error, free of `secrets`.
 */
export async function runOrFail(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const result = await run(program, args, options);
  if (result.exitCode === 0) return result;
  const said = redact(lastLines(result.stderr || result.stdout, 6), options.secrets ?? []);
  throw new Failure({
    code: 'process/failed',
    message: `${program} ended with status ${result.exitCode}${said === '' ? '' : `: ${said}`}`,
    hint: 'Mend what the program says, then type the same command again.',
    details: { program, exitCode: result.exitCode, stderr: said },
  });
}

/** A program that goes on running beside Drydock (a throw-away server, the application). */
export interface BackgroundProcess {
  readonly pid: number;
  /** Resolves with the exit status when the program has ended. */
  readonly ended: Promise<number>;
  /** Asks it to end, and forces it after the grace time. */
  stop(graceMs?: number): Promise<void>;
  /** Closes the pipe to its standard input and waits for its end, for a program that ends by that. */
  endInput(): Promise<void>;
  /** Writes a last line to its standard input and closes it, without waiting for its end. */
  leaveWith(line: string): Promise<void>;
}

/** How a background program is started. */
export interface BackgroundOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  /** File descriptors for standard input, output and error, then further ones; as in node's spawn. */
  readonly stdio?: ('ignore' | 'pipe' | 'inherit' | number)[];
}

/** Starts a program and returns while it runs. */
export async function startBackground(
  program: string,
  args: readonly string[],
  options: BackgroundOptions = {},
): Promise<BackgroundProcess> {
  const child = spawn(program, args, {
    ...options,
    detached: true,
    stdio: options.stdio ?? 'ignore',
  });
  const end = ended(child, program);
  // Whoever never looks at `ended` must not get an unhandled rejection.
  end.catch(() => {});
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    end.catch(reject);
  });
  child.unref();
  return {
    pid: child.pid ?? 0,
    ended: end,
    stop: async (graceMs = 5_000) => {
      stopGroup(child, graceMs);
      await end.catch(() => 0);
    },
    leaveWith: (line) =>
      new Promise((resolve) => {
        child.stdin?.end(`${line}\n`, () => resolve());
      }),
    endInput: async () => {
      // Waiting for it must keep this process alive.
      child.ref();
      child.stdin?.end();
      await end.catch(() => 0);
    },
  };
}

/** True while a process with this id lives. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** `text` with every secret replaced by asterisks. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== '')
    .reduce((redacted, secret) => redacted.replaceAll(secret, '********'), text);
}

function ended(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      // Looked for along PATH, EACCES means that one of its folders may not be read: exec(3).
      const isSought = error.code === 'EACCES' && !program.includes('/');
      reject(
        new Failure({
          code: error.code === 'ENOENT' || isSought ? 'process/not-found' : 'process/not-started',
          message: `cannot start ${program}: ${error.code ?? error.message}`,
          hint: `Install ${program} or put its folder on PATH, then type the same command again.`,
          cause: error,
        }),
      );
    });
    child.once('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
}

function stopGroup(child: ChildProcess, graceMs: number): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  const group = -child.pid;
  kill(group, 'SIGTERM');
  const forced = setTimeout(() => kill(group, 'SIGKILL'), graceMs);
  child.once('close', () => clearTimeout(forced));
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}

// Keeps the end of the output (where programs tell why they failed) and tells lines as they come.
function collect(
  stream: NodeJS.ReadableStream | null,
  onLine: ((line: string) => void) | undefined,
): () => string {
  let text = '';
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    text = (text + chunk).slice(-keptOutputBytes);
    if (onLine === undefined) return;
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  return () => text;
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join('\n');
}
