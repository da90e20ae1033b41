// Which user of the operating system runs throw-away servers. PostgreSQL refuses to run as root
// (manual, 19.1), so root hands the server to an account without power.

import { readFileSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { Failure } from '../core/failure.ts';

/** The user that a throw-away server runs as. Undefined ids: the user of this process. */
export interface ServerAccount {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * The account for servers: this user, or for root `postgres` where it exists, else `nobody`. A uid
 * without an entry in /etc/passwd would not do: `initdb` and `postgres` look their user up.
 *
 * @throws `sandbox/no-account` for root on a machine that has neither account
 */
export function serverAccount(): ServerAccount {
  if (process.getuid?.() !== 0) return {};
  const entries = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const entry = ['postgres', 'nobody']
    .map((wanted) => entries.find(([name]) => name === wanted))
    .find((found) => found !== undefined);
  if (entry === undefined) {
    throw new Failure({
      code: 'sandbox/no-account',
      message: 'PostgreSQL does not run as root, and there is neither a user postgres nor nobody',
      hint: 'Make one with `useradd --system postgres`, or type the same command as an ordinary user.',
    });
  }
  return { uid: Number(entry[2]), gid: Number(entry[3]) };
}

/** Gives a file or folder to the account. */
export async function giveTo(account: ServerAccount, path: string): Promise<void> {
  if (account.uid !== undefined && account.gid !== undefined) {
    await chown(path, account.uid, account.gid);
  }
}
