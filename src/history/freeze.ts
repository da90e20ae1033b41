// A freeze: a person's (or a red monitor's) decision that nothing more is promoted to an environment. The
// journal of that environment has it, and so every machine that reaches the database sees it.

import { Failure } from '../core/failure.ts';
import type { Database } from '../postgres/connect.ts';
import { isInstalled } from './install.ts';
import { detailOf, type JournalEntry } from './journal.ts';

/** The freeze that is in force. */
export interface Freeze {
  readonly reason: string;
  readonly by: string;
  readonly at: Date;
}

/** The freeze of an environment; null when there is none. */
export async function readFreeze(database: Database): Promise<Freeze | null> {
  if (!(await isInstalled(database))) return null;
  const [newest] = await database.query<{ entry: JournalEntry }>(
    `SELECT entry FROM drydock.journal
      WHERE entry ->> 'command' IN ('freeze', 'unfreeze') AND entry ->> 'phase' = 'done'
      ORDER BY seq DESC LIMIT 1`,
  );
  if (newest?.entry.command !== 'freeze') return null;
  const { who, host, at } = newest.entry;
  return {
    reason: detailOf(newest.entry, 'reason') ?? '',
    by: `${who}@${host}`,
    at: new Date(at),
  };
}

/**
 * Stops where a freeze is in force.
 *
 * @throws `promotion/frozen`
 */
export async function assertNotFrozen(database: Database, environment: string): Promise<void> {
  const freeze = await readFreeze(database);
  if (freeze === null) return;
  throw new Failure({
    code: 'promotion/frozen',
    message: `${environment} is frozen by ${freeze.by}: ${freeze.reason}`,
    hint: `When the reason is gone: drydock unfreeze ${environment} --reason "why it may go on"`,
    details: { ...freeze },
  });
}
