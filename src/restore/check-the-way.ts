// The first step of every restore: the backup is whole, and nothing forbids what is wanted.

import type { Backup } from '../backup/manifest.ts';
import { type Context, step } from '../core/context.ts';
import type { Address } from '../postgres/address.ts';
import { verifyArchive } from '../postgres/archive.ts';
import { connect } from '../postgres/connect.ts';
import { intentOf, type RestoreIntent } from './intent.ts';

/** What is looked at. */
export interface WayOptions {
  readonly backup: Backup;
  /** Where the session of the looking is opened. */
  readonly from: Address;
  /** Name of the live database. */
  readonly database: string;
}

/**
 * Reads every byte of the backup, then looks at the server.
 *
 * @throws `backup/file-missing`, `backup/file-changed`, and what `look` throws
 */
export async function checkTheWay<T>(
  context: Context,
  { backup, from, database }: WayOptions,
  look: (intent: RestoreIntent) => Promise<T>,
): Promise<T> {
  return await step(context, 'check the way', async () => {
    await verifyArchive({ path: backup.file, ...backup.manifest.dump });
    await using maintenance = await connect(from, { purpose: 'restore' });
    return await look(intentOf(backup, { maintenance, database }));
  });
}
