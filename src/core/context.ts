// What every step is given: where to tell its progress, the time, and when to stop. Steps never print.

import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import { Failure } from './failure.ts';

/** Progress of a step, told as it happens. The command line, CI and the dashboard show the same. */
export type StepEvent =
  | { readonly kind: 'started'; readonly step: number; readonly label: string }
  | { readonly kind: 'progress'; readonly step: number; readonly text: string }
  | {
      readonly kind: 'finished';
      readonly step: number;
      readonly label: string;
      readonly ms: number;
      readonly summary: string | undefined;
    }
  | { readonly kind: 'failed'; readonly step: number; readonly label: string; readonly ms: number }
  | { readonly kind: 'note'; readonly text: string };

/** Handed to every step. */
export interface Context {
  readonly emit: (event: StepEvent) => void;
  readonly clock: Clock;
  /** Aborted by Ctrl-C: the running statement is cancelled and clean-ups run. */
  readonly signal: AbortSignal;
}

/** A context for programs that want neither progress nor cancellation. */
export function quietContext(): Context {
  return { emit: () => {}, clock: systemClock, signal: new AbortController().signal };
}

/** What a running step may say about itself. */
export interface StepReporter {
  /** Shown beside the elapsed time while the step runs. */
  readonly progress: (text: string) => void;
  /** Shown when the step has finished. */
  readonly summary: (text: string) => void;
}

let lastStep = 0;

/**
 * Runs `work` as one step that people can watch: its start, progress, end and time are events.
 *
 * @example
 * const backup = await step(context, 'back up production', async (reporter) => {
 *   reporter.progress('3 of 12 tables');
 *   return dump();
 * });
 */
export async function step<T>(
  context: Context,
  label: string,
  work: (reporter: StepReporter) => Promise<T>,
): Promise<T> {
  throwIfInterrupted(context.signal);
  lastStep += 1;
  const id = lastStep;
  const startedAt = performance.now();
  let summary: string | undefined;
  context.emit({ kind: 'started', step: id, label });
  try {
    const result = await work({
      progress: (text) => context.emit({ kind: 'progress', step: id, text }),
      summary: (text) => {
        summary = text;
      },
    });
    const ms = performance.now() - startedAt;
    context.emit({ kind: 'finished', step: id, label, ms, summary });
    return result;
  } catch (failure) {
    context.emit({ kind: 'failed', step: id, label, ms: performance.now() - startedAt });
    throw failure;
  }
}

/** Throws `interrupted` when somebody asked to stop. */
export function throwIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw interrupted();
}

/** The failure that stands for Ctrl-C. */
export function interrupted(): Failure {
  return new Failure({
    code: 'interrupted',
    message: 'stopped by the user',
    hint: 'Type the same command to start again; `drydock status` shows where every environment stands.',
  });
}
