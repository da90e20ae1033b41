// The demo from the first curtain to the table at the end.

import { join } from 'node:path';
import type { Context } from '../../core/context.ts';
import { formatDuration } from '../../core/duration.ts';
import { withCleanup } from '../../core/failure.ts';
import type { Documents } from '../documents.ts';
import { table } from '../render/text.ts';
import type { Outcome } from '../verb.ts';
import { startBystanders, untilReady } from './bystanders.ts';
import { type Director, direct } from './director.ts';
import { type Stage, urlOf } from './stage.ts';
import { addTeacherMode, breakAndRecover, prologue, saveTheWrites, users } from './story.ts';

/** Plays all acts and returns the table. */
export async function play(
  stage: Stage,
  options: {
    readonly context: Context;
    readonly say: (text: string) => void;
    readonly keep: boolean;
  },
): Promise<Outcome<Documents['demo']>> {
  const { context, say, keep } = options;
  const { signal } = context;
  const startedAt = performance.now();
  const director = direct(stage, { say, signal });
  await prologue(context, stage);
  const bystanders = await startBystanders(stage, users);
  return withCleanup(
    async () => {
      await untilReady(stage, 'dev', { requires: '007', signal });
      await addTeacherMode(context, stage, director);
      await breakAndRecover(context, stage, director);
      await saveTheWrites(stage, bystanders, director);
      const totalMs = performance.now() - startedAt;
      const text = summary(stage, director, totalMs);
      if (keep) {
        say(`${text}\n${playground(stage)}`);
        await untilStopped(signal);
      }
      return {
        data: { scenes: director.scenes, totalMs, folder: stage.folder },
        text: keep ? 'The demo is over; its servers are stopped.' : text,
      };
    },
    () => bystanders.sendAway(),
  );
}

function summary(stage: Stage, { scenes }: Director, totalMs: number): string {
  let number = 0;
  const rows = scenes.map(({ what, ms, outcome }) => {
    if (ms !== null) number += 1;
    return [
      ms === null ? '' : String(number),
      what,
      ms === null ? '' : formatDuration(ms),
      outcome,
    ];
  });
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
    `Everything runs on until you press Ctrl-C here, or type: kill ${process.pid}`,
    'In another terminal:',
    `  cd ${stage.backend}`,
    '  npx drydock status',
    `  curl ${urlOf(stage, 'production')}/api/health/detailed`,
    '  psql "$(grep ^PRODUCTION_DATABASE_URL= .env | cut -d= -f2-)"',
  ].join('\n');
}

function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    // The event loop needs something to wait for.
    const alive = setInterval(() => {}, 60_000);
    signal.addEventListener(
      'abort',
      () => {
        clearInterval(alive);
        resolve();
      },
      { once: true },
    );
  });
}
