// Which backups may go. Pure: values in, verdicts out.

import { formatBytes, formatDuration } from '../core/duration.ts';

/** A place in the log of one server, which only grows. */
export interface LogPosition {
  /** Identity of the server, and its timeline: places of others tell nothing. */
  readonly server: string;
  readonly bytes: bigint;
}

/** A backup, as far as its age and worth go. */
export interface Retainable {
  readonly name: string;
  /** As its manifest tells: never read from a name. */
  readonly takenAt: Date;
  readonly sizeBytes: number;
  /** Where the log of the server stood; null where that is not known. */
  readonly log: LogPosition | null;
  /** It was restored and compared. */
  readonly proven: boolean;
  /** It was taken before a migration. */
  readonly precedesMigration: boolean;
  /** A person asked to keep it. */
  readonly marked: boolean;
}

/** What decides beside the backups themselves. */
export interface RetentionRules {
  readonly now: Date;
  /** Younger ones stay. */
  readonly keepMs: number;
  /** Names of those whose migration is still watched, or half in force. */
  readonly needed: ReadonlySet<string>;
}

/** What becomes of one backup, and why. */
export interface Verdict<B extends Retainable = Retainable> {
  readonly backup: B;
  readonly fate: 'keep' | 'delete';
  readonly reason: string;
}

/**
 * Judges every backup, the newest first. Whatever the history, the newest one stays, the newest
 * proven one, and the newest proven one of those that precede a migration; and while the newest one is
 * doubtful, all stay.
 *
 * @example judgeRetention(backups, { now, keepMs, needed }).filter(({ fate }) => fate === 'delete')
 */
export function judgeRetention<B extends Retainable>(
  backups: readonly B[],
  rules: RetentionRules,
): readonly Verdict<B>[] {
  const newestFirst = backups.toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime());
  const doubt = doubtAbout(newestFirst, rules.now) ?? doubtAboutClock(newestFirst);
  const last = new Map<B | undefined, string>([
    [newestFirst.find(({ proven }) => proven), 'the newest proven one'],
    [
      newestFirst.find(({ proven, precedesMigration }) => proven && precedesMigration),
      'the newest proven one before a migration',
    ],
    [newestFirst[0], 'the newest one'],
  ]);
  return newestFirst.map((backup) => {
    const ageMs = rules.now.getTime() - backup.takenAt.getTime();
    const reason =
      (backup.marked ? 'marked to be kept' : undefined) ??
      (rules.needed.has(backup.name) ? 'its migration or restore is still watched' : undefined) ??
      last.get(backup) ??
      (ageMs <= rules.keepMs ? `not older than ${formatDuration(rules.keepMs)}` : undefined) ??
      doubt;
    return reason === undefined
      ? { backup, fate: 'delete', reason: `older than ${formatDuration(rules.keepMs)}` }
      : { backup, fate: 'keep', reason };
  });
}

// The log of a server only grows: one that is younger by its time and older by the log was taken while
// a clock was wrong, and then no age is to be trusted.
function doubtAboutClock(newestFirst: readonly Retainable[]): string | undefined {
  const highest = new Map<string, Retainable>();
  for (const backup of newestFirst.toReversed()) {
    if (backup.log === null) continue;
    const before = highest.get(backup.log.server);
    if (before?.log != null && before.log.bytes > backup.log.bytes)
      return `the clock went back: ${backup.name} is younger than ${before.name} by its time, and older by the log of the server; look at both, and remove one by hand`;
    highest.set(backup.log.server, backup);
  }
  return undefined;
}

// The older ones are the way back as long as the newest one is in doubt.
function doubtAbout([newest, previous]: readonly Retainable[], now: Date): string | undefined {
  if (newest === undefined) return undefined;
  if (newest.takenAt > now) return 'the clock went back: the newest one is from the future';
  if (!newest.proven) return 'the newest one is not proven';
  if (previous !== undefined && newest.sizeBytes < previous.sizeBytes / 2)
    return `the newest one has only ${formatBytes(newest.sizeBytes)}, the one before ${formatBytes(previous.sizeBytes)}`;
  return undefined;
}
