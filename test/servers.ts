// One throw-away PostgreSQL server for a whole run of tests; `database.ts` makes databases on it.

import type { TestProject } from 'vitest/node';
import { quietContext } from '../src/core/context.ts';
import { type SandboxServer, startServer } from '../src/sandbox/server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the database `postgres`, as superuser. */
    serverAddress: string;
  }
}

let server: SandboxServer;

export async function setup(project: TestProject): Promise<void> {
  const purpose = 'tests';
  server = await startServer(quietContext(), { purpose, tcp: true, maxConnections: 200 });
  project.provide('serverAddress', server.address('postgres').connectionString());
}

export async function teardown(): Promise<void> {
  await server.stop();
}
