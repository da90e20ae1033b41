// Connection services: parameters under a name in pg_service.conf (manual, 34.17), where teams keep the
// addresses that nobody wants to type.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../core/failure.ts';

/**
 * The parameters of a service, by libpq's names.
 *
 * @throws `config/no-such-service`
 */
export function serviceParameters(
  name: string,
  variables: NodeJS.ProcessEnv,
): ReadonlyMap<string, string> {
  const files = serviceFiles(variables);
  for (const file of files) {
    const found = parametersIn(textOf(file), name);
    if (found !== undefined) return found;
  }
  throw new Failure({
    code: 'config/no-such-service',
    message: `there is no connection service ${name} in ${files.join(' or ')}`,
    hint: `Add a section [${name}] with host, port, dbname and user, or correct PGSERVICE.`,
  });
}

// A user's own file wins over the machine's.
function serviceFiles(variables: NodeJS.ProcessEnv): string[] {
  const { PGSERVICEFILE, PGSYSCONFDIR } = variables;
  return [
    PGSERVICEFILE ?? join(variables.HOME ?? homedir(), '.pg_service.conf'),
    ...(PGSYSCONFDIR === undefined ? [] : [join(PGSYSCONFDIR, 'pg_service.conf')]),
  ];
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function parametersIn(text: string, name: string): ReadonlyMap<string, string> | undefined {
  let found: Map<string, string> | undefined;
  for (const line of text.split(/\r?\n/).map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const section = /^\[(.*)\]$/.exec(line)?.[1];
    if (section !== undefined) {
      if (found !== undefined) return found;
      if (section === name) found = new Map();
      continue;
    }
    const cut = line.indexOf('=');
    if (cut > 0) found?.set(line.slice(0, cut).trim(), line.slice(cut + 1).trim());
  }
  return found;
}
