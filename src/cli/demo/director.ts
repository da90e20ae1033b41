// Plays commands as a person types them: shows the command, its output as it comes, and keeps the time.

import { styleText } from 'node:util';
import { interrupted } from '../../core/context.ts';
import { formatDuration } from '../../core/duration.ts';
import { Failure } from '../../core/failure.ts';
import { type RunResult, run } from '../../core/process.ts';
import type { Stage } from './stage.ts';

/** One line of the table at the end. */
export interface Scene {
  readonly what: string;
  readonly ms: number;
  readonly outcome: string;
}

/** Plays scenes. */
export interface Director {
  readonly scenes: readonly Scene[];
  /** Says something between the commands. */
  tell(text: string): void;
  /**
   * Types a command and shows what it prints.
   *
   * @throws `demo/scene-failed` when its exit status is not the one that the story wants
   */
  type(
    command: string,
    as: {
      readonly what: string;
      readonly exit?: number;
      readonly variables?: NodeJS.ProcessEnv;
    },
  ): Promise<RunResult>;
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
    tell: (text) => say(`\n${styleText('bold', text)}`),
    note: (scene) => scenes.push(scene),
    type: async (command, { what, exit = 0, variables = {} }) => {
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
      const outcome = exit === 0 ? 'done' : `exit ${exit}, as the story wants`;
      scenes.push({ what, ms, outcome });
      say(styleText('dim', `(${formatDuration(ms)})`));
      return result;
    },
  };
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
