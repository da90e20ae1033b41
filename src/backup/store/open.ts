// From the configuration to a store.

import type { BackupStore } from '../../config/environment.ts';
import { localStore } from './local.ts';
import type { Store } from './store.ts';

/**
 * Opens the configured store. What an S3-compatible service needs is loaded only for one.
 *
 * @throws `store/no-credentials`
 */
export async function openStore({ address, keys }: BackupStore): Promise<Store> {
  if (address.kind === 'folder') return localStore(address.folder);
  const { s3Store } = await import('./s3.ts');
  const revealed = Object.entries(keys).map(([name, key]) => [name, key.reveal()]);
  return await s3Store(address, { variables: Object.fromEntries(revealed) });
}
