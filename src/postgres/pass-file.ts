// Passwords from the file that psql and pg_dump read too (manual, 34.16).

import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What a password is looked up by. */
export interface PassFileQuestion {
  readonly host: string;
  readonly port: string;
  readonly database: string;
  readonly user: string;
}

/** The password of the first line that fits; undefined without one. */
export function passFilePassword(
  question: PassFileQuestion,
  variables: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const { host, port, database, user } = question;
  // libpq calls every socket in its usual folder localhost.
  const hosts = host.startsWith('/') ? [host, 'localhost'] : [host];
  for (const line of linesOf(variables.PGPASSFILE ?? join(homedir(), '.pgpass'))) {
    const [lineHost = '', ...rest] = fieldsOf(line);
    const [linePort, lineDatabase, lineUser, password] = rest;
    const fits =
      (lineHost === '*' || hosts.includes(lineHost)) &&
      [
        [linePort, port],
        [lineDatabase, database],
        [lineUser, user],
      ].every(([said, wanted]) => said === '*' || said === wanted);
    if (fits && password !== undefined) return password;
  }
  return undefined;
}

function linesOf(file: string): string[] {
  try {
    // As libpq does: a file that others may read is no secret, and is not used.
    if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) return [];
    return readFileSync(file, 'utf8')
      .split(/\r?\n/)
      .filter((line) => !line.startsWith('#'));
  } catch {
    return [];
  }
}

// Colons and backslashes inside of a field have a backslash before them.
function fieldsOf(line: string): string[] {
  return [...line.matchAll(/((?:\\.|[^\\:])*)(?::|$)/gy)].map(([, field = '']) =>
    field.replaceAll(/\\(.)/g, '$1'),
  );
}
