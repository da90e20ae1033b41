// Where copies are made: on a throw-away server of this machine, or on the one that the configuration
// names.

import type { CopyServer } from '../backup/copy.ts';
import { copyServerAddress } from '../config/load.ts';
import { serverAccount } from '../sandbox/account.ts';
import { dropKeptOnGiven, startOnGiven } from '../sandbox/given-server.ts';
import { type ServerOptions, startServer } from '../sandbox/server.ts';
import { dropKept } from '../sandbox/sweep.ts';
import type { Project } from './project.ts';

/** Starts a server for one copy, or makes room for it on the configured one. */
export async function startCopyServer(
  { config, context }: Project,
  wanted: ServerOptions & { readonly major: number },
): Promise<CopyServer> {
  const server = copyServerAddress(config);
  if (server === undefined) return startServer(context, wanted);
  return startOnGiven(context, { server, major: wanted.major });
}

/** Ends the copies that earlier rehearsals left behind on purpose, here and there; gives their number. */
export async function dropKeptCopies({ config }: Pick<Project, 'config'>): Promise<number> {
  const here = await dropKept(serverAccount());
  const server = copyServerAddress(config);
  return here + (server === undefined ? 0 : await dropKeptOnGiven(server));
}
