// A throw-away server that works as a production does: on disk, synced, with vacuum.

import { importSource } from './import-source.mjs';

const { startServer } = await importSource('src/sandbox/server.ts');
const { quietContext } = await importSource('src/core/context.ts');

/** Starts it; whoever starts it stops it. */
export function startServerOnDisk() {
  return startServer(quietContext(), {
    purpose: 'bench',
    // More than memory would take, so the data lies on disk.
    sizeBytes: process.availableMemory() / 4,
    settings: {
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      autovacuum: 'on',
      max_wal_size: '1GB',
      checkpoint_timeout: '5min',
    },
  });
}
