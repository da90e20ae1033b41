// Who does something, and from where: written beside every entry of the journal.

import { hostname, userInfo } from 'node:os';

/** A person (or a CI job) at a machine. */
export interface Actor {
  readonly who: string;
  readonly host: string;
}

/** The person running this process: `DRYDOCK_ACTOR` where a CI job sets it, else the login name. */
export function currentActor(environment: NodeJS.ProcessEnv = process.env): Actor {
  return { who: environment.DRYDOCK_ACTOR ?? loginName(environment), host: hostname() };
}

// A uid without a passwd entry (common in containers) makes userInfo() throw.
function loginName(environment: NodeJS.ProcessEnv): string {
  try {
    return userInfo().username;
  } catch {
    return environment.USER ?? `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
