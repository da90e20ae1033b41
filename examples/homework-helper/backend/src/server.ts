// Starts the application: DATABASE_URL and PORT, or what environments.ts says of dev.

import { createServer } from 'node:http';
import { databaseUrlOf, portOf } from '../environments.ts';
import { application } from './app.ts';
import { openDatabase } from './database.ts';
import { drain, listenWhenFree } from './take-over.ts';

const port = Number(process.env.PORT ?? portOf('dev'));
const database = openDatabase(process.env.DATABASE_URL ?? databaseUrlOf('dev'));
const server = createServer(application(database));
server.keepAliveTimeout = 2_000;

// Told to scripts/release.ts: everything is loaded, only the port is wanted.
process.send?.({ ready: true });
await listenWhenFree(server, port);
console.log(`homework-helper answers on http://127.0.0.1:${port} (pid ${process.pid})`);

async function stop(): Promise<void> {
  await drain(server);
  await database.pool.end();
  process.exit(0);
}
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
