// A backup as a test takes it: what no test asks about is the same everywhere.

import type { BackUpOptions } from '../src/backup/back-up.ts';
import type { Address } from '../src/postgres/address.ts';

/** What is backed up, into which folder, and what differs from the usual. */
export function backUpOptions(
  address: Address,
  backups: string,
  more: Partial<BackUpOptions> = {},
): BackUpOptions {
  return {
    environment: 'production',
    address,
    backups,
    reason: 'test',
    by: { who: 'ada', host: 'desk' },
    plan: null,
    ledger: [],
    gitCommit: null,
    ...more,
  };
}
