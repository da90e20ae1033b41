// A rescue that is given up by itself, before the log that is held for it endangers the server. Whoever looks at
// the environment does so: the command that keeps the copy in step, and the monitoring.

import { formatBytes } from '../core/duration.ts';
import { messageOf } from '../core/failure.ts';
import type { Database } from '../postgres/connect.ts';
import { type ArmedNow, armedNow } from './armed-now.ts';
import { disarm } from './disarming.ts';
import { doing, type Project, reading, type Target } from './project.ts';
import { tell } from './team-notice.ts';

/** Why a rescue is to be given up now; null while nothing is in danger. */
export function whyGiveUp({
  state,
  capture,
  isLost,
  leftBytes,
  heldBytes,
}: ArmedNow): string | null {
  if (state !== 'armed' || !(isLost || leftBytes === 0)) return null;
  const held = formatBytes(heldBytes);
  if (capture === 'triggers') {
    return leftBytes === 0
      ? `the log of its triggers is full: ${held} (\`rescue.logLimit\`)`
      : 'a table lost its triggers';
  }
  return isLost
    ? 'the server has given up its log (max_slot_wal_keep_size)'
    : `the server holds ${held} of its log for it, and more would be too much (\`rescue.logLimit\`, max_slot_wal_keep_size)`;
}

/** A rescue that was given up. */
export interface GivenUp {
  readonly why: string;
  /** What people are told. */
  readonly text: string;
}

/**
 * Gives the rescue of an environment up, where that is still to be done, and tells people.
 *
 * @returns undefined where it was not given up
 * @throws `history/busy`: whoever changes the environment may be rescuing it
 */
export async function giveUp(project: Project, target: Target): Promise<GivenUp | undefined> {
  const { name } = target.environment;
  const why = await doing(project, target, { command: 'disarm', changes: true }, async () => {
    const now = await reading(project, target, armedNow);
    const reason = now === null ? null : whyGiveUp(now);
    if (reason === null) return { result: undefined, refused: true };
    const report = await disarm(project, target, reason);
    return { result: reason, details: { ...report, reason } };
  });
  if (why === undefined) return undefined;
  const text = `${name} was DISARMED: ${why}. No rescue is possible until: drydock arm ${name}. The other ways back: drydock recover ${name}`;
  await tell(project, target, 'rescue given up', text);
  return { why, text };
}

/** Looks, and gives it up where that is due. What fails is told: whoever watches goes on. */
export async function giveUpInTime(
  project: Project,
  target: Target,
  database: Database,
): Promise<void> {
  const now = await armedNow(database);
  if (now === null || whyGiveUp(now) === null) return;
  const text = await giveUp(project, target).then(
    (given) => given?.text,
    (failure: unknown) =>
      `the rescue of ${target.environment.name} must be given up: ${messageOf(failure)}`,
  );
  if (text !== undefined) project.context.emit({ kind: 'note', text });
}
