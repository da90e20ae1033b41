// What a whole run of tests shares: one throw-away PostgreSQL server (`database.ts` makes databases on
// it) and one folder that is gone at the end.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { quietContext } from '../src/core/context.ts';
import { type SandboxServer, startServer } from '../src/sandbox/server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the database `postgres`, as superuser. */
    serverAddress: string;
    runFolder: string;
  }
}

let server: SandboxServer;
let runFolder: string;

export async function setup(project: TestProject): Promise<void> {
  const purpose = 'tests';
  // For rescues: the others do not mind.
  const settings = { wal_level: 'logical', max_wal_senders: '20', max_replication_slots: '20' };
  server = await startServer(quietContext(), { purpose, settings, tcp: true, maxConnections: 200 });
  project.provide('serverAddress', server.address('postgres').connectionString());
  runFolder = await mkdtemp(join(tmpdir(), 'drydock-tests-'));
  project.provide('runFolder', runFolder);
}

export async function teardown(): Promise<void> {
  await server.stop();
  await rm(runFolder, { recursive: true });
}
