// Plays commands as a person types them: shows the command, its output as it comes, and keeps the time.

import { stripVTControlCharacters, styleText } from 'node:util';
import { interrupted } from '../../core/context.ts';
import { formatDuration } from '../../core/duration.ts';
import { Failure } from '../../core/failure.ts';
import { type RunResult, run } from '../../core/process.ts';
import { wrap } from '../render/text.ts';
import type { Stage } from './stage.ts';

/** One line of the table at the end. */
export interface Scene {
  readonly what: string;
  /** Null for a part of the scene before it. */
  readonly ms: number | null;
  readonly outcome: string;
}

/** A command of the story, and what the table says of it. */
export interface Typed {
  readonly what: string;
  /** What came of it, or how to read that in the command's output. */
  readonly outcome: string | ((output: string) => string);
  /** The exit status that the story wants; 0 if left out. */
  readonly exit?: number;
  readonly variables?: NodeJS.ProcessEnv;
}

/** Plays scenes. */
export interface Director {
  readonly scenes: readonly Scene[];
  /** Opens a part of the story. */
  open(title: string): void;
  /** Says something between the commands. */
  tell(text: string): void;
  /**
   * Types a command, shows what it prints, and returns that.
   *
   * @throws `demo/scene-failed` when its exit status is not the one that the story wants
   */
  type(command: string, as: Typed): Promise<string>;
  /** Adds a line to the table for something that is not a command. */
  note(scene: Scene): void;
}

/** A director that writes to `say`, in the backend's folder. */
export function direct(
  stage: Stage,
  options: { readonly say: (text: string) => void; readonly signal: AbortSignal },
): Director {
  const { say, signal } = options;
  const scenes: Scene[] = [];
  return {
    scenes,
    open: (title) => say(`\n${styleText('bold', title)}`),
    tell: (text) => say(`\n${wrap(text, 80).join('\n')}`),
    note: (scene) => scenes.push(scene),
    type: async (command, { what, outcome, exit = 0, variables = {} }) => {
      say(`\n${styleText('cyan', '$')} ${command}`);
      const startedAt = performance.now();
      const result = await run('sh', ['-c', command], {
        cwd: stage.backend,
        env: { ...stage.variables, ...variables },
        signal,
        onOutputLine: say,
        onErrorLine: say,
      });
      if (signal.aborted) throw interrupted();
      const ms = performance.now() - startedAt;
      if (result.exitCode !== exit) throw sceneFailed(command, { wanted: exit, result });
      const output = stripVTControlCharacters(`${result.stdout}\n${result.stderr}`);
      const read = typeof outcome === 'string' ? outcome : outcome(output);
      scenes.push({ what, ms, outcome: read });
      say(styleText('dim', `(${formatDuration(ms)})`));
      return output;
    },
  };
}

/** Reads an outcome: the first group of a pattern. */
export function found(pattern: RegExp): (output: string) => string {
  return (output) => pattern.exec(output)?.[1] ?? 'done';
}

function sceneFailed(
  command: string,
  { wanted, result }: { wanted: number; result: RunResult },
): Failure {
  return new Failure({
    code: 'demo/scene-failed',
    message: `${command} ended with status ${result.exitCode}, the story wants ${wanted}`,
    hint: 'Read its output above; `drydock demo` starts again from the beginning.',
    details: { command, exitCode: result.exitCode },
  });
}
