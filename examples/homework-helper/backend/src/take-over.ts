// How one version of the application follows another on the same port without losing a request.

import { once } from 'node:events';
import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Listens as soon as the version before has let go of the port. */
export async function listenWhenFree(server: Server, port: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return;
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || performance.now() > deadline) throw error;
      await sleep(5);
    }
  }
}

/** Lets go of the port at once, and resolves when every request that had come was answered. */
export async function drain(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.prependListener('request', (_request, response) => {
    response.setHeader('connection', 'close');
  });
  // The close() of http would also cut the idle connections, on one of which a request may be on its
  // way. This one only stops listening; idle connections end by keepAliveTimeout.
  NetServer.prototype.close.call(server);
  const forced = setTimeout(() => server.closeAllConnections(), 10_000);
  await closed;
  clearTimeout(forced);
}
