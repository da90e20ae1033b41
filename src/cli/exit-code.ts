// Exit statuses: the only mapping from what happened to a number. Documented in docs/exit-codes.md.

import { Failure } from '../core/failure.ts';

/** The exit statuses of every command. */
export const exitCodes = {
  done: 0,
  bug: 1,
  usage: 2,
  findings: 3,
  rehearsalFailed: 4,
  gateClosed: 5,
  backupFailed: 6,
  rolledBack: 7,
  needsPerson: 8,
  unhealthy: 9,
  lockNotObtained: 10,
  pending: 11,
  // 128 + SIGINT, as shells expect of a program that was stopped by Ctrl-C.
  interrupted: 130,
} as const;

// The first match wins: a whole code, or the part before the slash.
const byCode: readonly (readonly [string, number])[] = [
  ['interrupted', exitCodes.interrupted],
  ['apply/rolled-back', exitCodes.rolledBack],
  ['apply/lock-not-obtained', exitCodes.lockNotObtained],
  ['apply/too-many-waiting', exitCodes.lockNotObtained],
  ['apply/verification-failed', exitCodes.rolledBack],
  ['apply/unnamed-rows-deleted', exitCodes.rolledBack],
  ['apply', exitCodes.needsPerson],
  ['migration/checksum-mismatch', exitCodes.pending],
  ['history/busy', exitCodes.lockNotObtained],
  ['history/schema-drifted', exitCodes.pending],
  ['promotion', exitCodes.gateClosed],
  ['backup', exitCodes.backupFailed],
  ['proof', exitCodes.backupFailed],
  ['store', exitCodes.backupFailed],
  ['encryption', exitCodes.backupFailed],
  ['engine/not-configured', exitCodes.usage],
  ['engine', exitCodes.backupFailed],
  ['postgres/no-client-programs', exitCodes.backupFailed],
  ['postgres/client-too-old', exitCodes.backupFailed],
  ['restore', exitCodes.needsPerson],
  ['recover', exitCodes.usage],
  ['evidence', exitCodes.gateClosed],
  ['drill/not-recovered', exitCodes.needsPerson],
  ['drill', exitCodes.usage],
  ['undo/not-finished', exitCodes.needsPerson],
  ['undo', exitCodes.usage],
  ['rescue/not-armed', exitCodes.usage],
  ['rescue/already-armed', exitCodes.usage],
  ['rescue/wal-level', exitCodes.usage],
  ['rescue/no-right', exitCodes.usage],
  ['rescue', exitCodes.needsPerson],
  ['rehearsal', exitCodes.rehearsalFailed],
  ['release/deploy-failed', exitCodes.unhealthy],
  ['release/timed-out', exitCodes.unhealthy],
  ['release/migrations-missing', exitCodes.gateClosed],
  ['release/cannot-live', exitCodes.gateClosed],
  ['release', exitCodes.usage],
  ['usage', exitCodes.usage],
  ['config', exitCodes.usage],
  ['migration', exitCodes.usage],
  ['lint', exitCodes.usage],
  ['history', exitCodes.usage],
  ['postgres', exitCodes.usage],
  ['sandbox', exitCodes.usage],
  ['process', exitCodes.usage],
];

/** The exit status for anything thrown; what is no {@link Failure} is a bug in Drydock. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof Failure)) return exitCodes.bug;
  const area = error.code.split('/')[0];
  const match = byCode.find(([code]) => code === error.code || code === area);
  return match?.[1] ?? exitCodes.bug;
}
