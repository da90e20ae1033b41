// The demo from the first curtain to the table at the end.

import { join } from 'node:path';
import type { Context } from '../../core/context.ts';
import { formatDuration } from '../../core/duration.ts';
import { withCleanup } from '../../core/failure.ts';
import { table } from '../render/text.ts';
import type { Outcome } from '../verb.ts';
import { type Director, direct } from './director.ts';
import { databaseOf, type Stage } from './stage.ts';
import { addTeacherMode, breakAndRecover, countWrites, prologue, startTraffic } from './story.ts';

/** Plays both acts and returns the table. */
export async function play(
  stage: Stage,
  options: {
    readonly context: Context;
    readonly say: (text: string) => void;
    readonly keep: boolean;
  },
): Promise<Outcome> {
  const { context, say, keep } = options;
  const startedAt = performance.now();
  const director = direct(stage, { say, signal: context.signal });
  await prologue(context, stage);
  const traffic = await startTraffic(stage);
  await withCleanup(
    async () => {
      await addTeacherMode(context, stage, director);
      await breakAndRecover(context, stage, director);
      await countWrites(stage, traffic, director);
    },
    () => traffic.process.stop(),
  );
  const totalMs = performance.now() - startedAt;
  const text = summary(stage, director, totalMs);
  if (keep) {
    say(text);
    say(playground(stage));
    await untilStopped(context.signal);
  }
  return {
    data: { scenes: director.scenes, totalMs, folder: stage.folder },
    text: keep ? 'The demo is over.' : text,
  };
}

function summary(stage: Stage, { scenes }: Director, totalMs: number): string {
  const rows = scenes.map(({ what, ms, outcome }, index) => [
    String(index + 1),
    what,
    ms === 0 ? '' : formatDuration(ms),
    outcome,
  ]);
  const files = [
    ['backups and manifests', join(stage.backend, 'backups')],
    ['migrations', join(stage.backend, 'migrations')],
    ['acknowledged writes', join(stage.folder, 'acknowledged-writes.txt')],
  ];
  return [
    '',
    table(
      [
        { title: '', align: 'right' },
        { title: 'what happened' },
        { title: 'time', align: 'right' },
        { title: 'outcome' },
      ],
      rows,
    ),
    '',
    `The whole took ${formatDuration(totalMs)}. The files stay until the next demo:`,
    ...files.map(([what = '', where]) => `  ${what.padEnd(22)} ${where}`),
  ].join('\n');
}

function playground(stage: Stage): string {
  return [
    '',
    'Everything runs on until you press Ctrl-C. In another terminal:',
    `  cd ${stage.backend}`,
    '  npx drydock status',
    `  curl http://127.0.0.1:${stage.ports.production}/api/health/detailed`,
    `  psql "$(grep ^PRODUCTION_DATABASE_URL= .env | cut -d= -f2-)"   # ${databaseOf('production')}`,
  ].join('\n');
}

function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    // The event loop needs something to wait for.
    const alive = setInterval(() => {}, 60_000);
    signal.addEventListener('abort', () => clearInterval(alive), { once: true });
  });
}
