// Arguments and flags that several commands share, so that they are called and explained alike.

import { parseDuration } from '../../core/duration.ts';
import { Failure } from '../../core/failure.ts';
import type { ArgumentParts, FlagParts } from '../verb.ts';

/** The environment that a command is about. */
export const environmentArgument: ArgumentParts = {
  placeholder: 'environment',
  brief: 'An environment of the configuration, such as staging',
};

/** The last migration to run. */
export const migrationArgument: ArgumentParts = {
  placeholder: 'migration',
  brief: 'Run the pending migrations up to this file (default: all)',
  optional: true,
};

/** A backup, by path or name. */
export const backupArgument: ArgumentParts = {
  placeholder: 'backup',
  brief: 'A backup, by path or name (default: the newest)',
  optional: true,
};

/** Flag for backups by another program than pg_dump. */
export const engineFlag: FlagParts = {
  kind: 'switch',
  brief: "By the environment's own program for large servers",
};

/** Flags that answer the questions of a guarded environment. */
export const answerFlags: Record<'yes' | 'confirm', FlagParts> = {
  yes: { kind: 'switch', brief: "Answer the plan's question with yes" },
  confirm: {
    kind: 'text',
    placeholder: 'database',
    brief: "Answer the last question with the database's name",
  },
};

/** Flags that bring evidence to the gates. */
export const gateFlags: Record<'waive' | 'toldBy', FlagParts> = {
  waive: {
    kind: 'texts',
    placeholder: 'gate=reason',
    brief: 'Pass a closed gate, for this reason',
  },
  toldBy: { kind: 'text', placeholder: 'name', brief: 'Who gives their word that the team knows' },
};

/** Flag for the patience of a change. */
export const lockPatienceFlag: FlagParts = {
  kind: 'text',
  placeholder: 'duration',
  brief: 'How long to try for a lock (default: 60s)',
};

/** Flag for what the journal keeps of a person's decision. */
export const reasonFlag: FlagParts = {
  kind: 'text',
  placeholder: 'text',
  brief: 'Why: it stays in the journal',
};

/**
 * The reason that was given.
 *
 * @throws `usage/no-reason` with the command to type in the hint
 */
export function givenReason(reason: string | undefined, command: string): string {
  const text = reason?.trim() ?? '';
  if (text !== '') return text;
  throw new Failure({
    code: 'usage/no-reason',
    message: 'no reason was given, and the journal keeps one',
    hint: `Say why: ${command} --reason '…'`,
  });
}

/**
 * The duration that was typed for a flag, in milliseconds.
 *
 * @throws `usage/bad-duration`
 */
export function givenDuration(flag: string, text: string | undefined): number | undefined {
  const ms = text === undefined ? undefined : parseDuration(text);
  if (text === undefined || ms !== undefined) return ms;
  throw new Failure({
    code: 'usage/bad-duration',
    message: `${flag} ${text} is not a duration`,
    hint: `Write it with its unit, for example: ${flag} 90s`,
  });
}
