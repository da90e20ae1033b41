// Backups of whole servers by other programs: pgBackRest, or a hosting company's snapshots. For
// databases that are too large to dump, Drydock asks them for a backup and for a copy made from it,
// and proves the backup by looking at that copy.

import type { Context } from '../../core/context.ts';
import { Failure } from '../../core/failure.ts';
import type { Address } from '../../postgres/address.ts';

/** A backup in the hands of an engine. */
export interface EngineBackup {
  /** As the engine calls it. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  readonly sizeBytes: number | null;
}

/** A server that was made from a backup and runs. */
export interface EngineCopy {
  /** The database in it that corresponds to the environment's. */
  readonly address: Address;
  /** Ends it and removes what it stands on. */
  stop(): Promise<void>;
}

/** A program that takes backups of whole servers. */
export interface Engine {
  /** For people: `pgBackRest main`. */
  readonly label: string;

  /**
   * Takes a backup and returns when it is whole, with everything that a restore of it needs.
   *
   * @throws `engine/failed`
   */
  backUp(context: Context): Promise<EngineBackup>;

  /** The whole backups that there are, newest first. */
  list(context: Context): Promise<readonly EngineBackup[]>;

  /**
   * Starts a copy from a backup, beside everything and in nobody's way: as it was at the end of the
   * backup, or at a later time. It takes connections when this returns.
   *
   * @throws `engine/failed`
   */
  startCopy(
    context: Context,
    wanted: { readonly backup: EngineBackup; readonly at?: Date | undefined },
  ): Promise<EngineCopy>;
}

/** The failure for an engine's program that did not do what it was asked for. */
export function engineFailed(label: string, what: string, said: string): Failure {
  return new Failure({
    code: 'engine/failed',
    message: `${label} could not ${what}: ${said}`,
    hint: 'Mend what it says, then type the same command again.',
  });
}

/** The last lines of what a program said on standard error. */
export function lastWords({ exitCode, stderr }: { exitCode: number; stderr: string }): string {
  return stderr.trim().split('\n').slice(-4).join('\n') || `it ended with status ${exitCode}`;
}
