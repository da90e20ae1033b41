// A person at a terminal: a command in a real pseudo-terminal (by `script`, which every Debian and every
// macOS has), and answers typed when their question is on the screen.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';

/** A question as it stands on the screen, and what is typed then. */
export interface TypedAnswer {
  readonly when: RegExp;
  readonly type: string;
}

const patienceMs = 45_000;

/** Runs a shell command line in a terminal; returns its exit status and all that was on the screen. */
export async function inTerminal(
  commandLine: string,
  options: {
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
    readonly answers: readonly TypedAnswer[];
  },
): Promise<{ readonly exitCode: number; readonly screen: string }> {
  const { cwd, env, answers } = options;
  // A terminal begins without a size, and what asks in one of no columns writes a letter a line. The
  // shell outlives Ctrl-C, to tell the status.
  const marked = `stty cols 80 rows 24; trap : INT; ${commandLine}; echo "status=$?"`;
  // The same program with two ways of writing its arguments: BSD's and util-linux's.
  const args =
    process.platform === 'darwin'
      ? ['-q', '/dev/null', 'sh', '-c', marked]
      : ['-q', '-c', marked, '/dev/null'];
  const child = spawn('script', args, {
    cwd,
    env: { ...env, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
    // Nobody answers a question that was not foreseen: the terminal is closed then.
    timeout: patienceMs,
  });
  const waiting = [...answers];
  let screen = '';
  let seen = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += stripVTControlCharacters(text);
    const [next] = waiting;
    if (next === undefined || !next.when.test(screen.slice(seen))) return;
    seen = screen.length;
    waiting.shift();
    child.stdin.write(next.type);
  });
  await once(child, 'close');
  const exitCode = Number(/status=(\d+)\s*$/.exec(screen)?.[1] ?? Number.NaN);
  return { exitCode, screen };
}
