// The steps of a command as they happen, on standard error: a line with a spinner and the elapsed time
// on a terminal, plain lines elsewhere.
//
// Not the spinner of the prompt library: that one reads the keyboard while it turns and ends the
// process at Ctrl-C, when a statement has to be cancelled and a journal to be written.

import type { Context, StepEvent } from '../../core/context.ts';
import { formatDuration } from '../../core/duration.ts';
import { styler } from './failure.ts';
import { wrap } from './text.ts';

/** Shows progress until it is closed. */
export interface Progress {
  readonly emit: Context['emit'];
  note(text: string): void;
  /** Takes the moving line away, before something else is written. */
  pause(): void;
  close(): void;
}

interface RunningStep {
  readonly label: string;
  readonly startedAt: number;
  text: string;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 100;

/** Begins to show progress on a stream. */
export function showProgress(stream: NodeJS.WriteStream): Progress {
  const style = styler(stream);
  const running = new Map<number, RunningStep>();
  let frame = 0;
  let lineShown = false;

  const clear = (): void => {
    if (lineShown) stream.write('\r\u001B[2K');
    lineShown = false;
  };
  const draw = (): void => {
    const current = [...running.values()].at(-1);
    if (current === undefined || !stream.isTTY) return;
    clear();
    frame += 1;
    const time = formatDuration(performance.now() - current.startedAt);
    const text = `${frames[frame % frames.length]} ${current.label}  ${time}  ${current.text}`;
    stream.write(text.slice(0, (stream.columns ?? 80) - 1));
    lineShown = true;
  };
  const writeLine = (text: string): void => {
    clear();
    stream.write(`${text}\n`);
  };
  const timer = stream.isTTY ? setInterval(draw, frameMs).unref() : undefined;

  return {
    emit: (event: StepEvent) => {
      switch (event.kind) {
        case 'started':
          running.set(event.step, { label: event.label, startedAt: performance.now(), text: '' });
          break;
        case 'progress': {
          const step = running.get(event.step);
          if (step !== undefined) step.text = event.text.split('\n')[0] ?? '';
          break;
        }
        case 'finished': {
          running.delete(event.step);
          writeLine(`${style('cyan', '✓')} ${event.label}  ${formatDuration(event.ms)}`);
          for (const line of event.summary === undefined ? [] : wrap(event.summary, 77)) {
            writeLine(style('dim', `  ${line}`));
          }
          break;
        }
        case 'failed':
          running.delete(event.step);
          writeLine(`${style('red', '✗')} ${event.label}  ${formatDuration(event.ms)}`);
          break;
        case 'note':
          writeLine(`  ${event.text}`);
      }
    },
    note: (text) => writeLine(text),
    pause: clear,
    close: () => {
      clearInterval(timer);
      clear();
    },
  };
}
