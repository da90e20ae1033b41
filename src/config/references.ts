// What of a configuration leads elsewhere: to another environment, or to a server. Its problems are told together
// with those of the shape.

import * as z from 'zod';
import { messageOf } from '../core/failure.ts';
import type { Text } from './input.ts';
import { addressFrom, text } from './variables.ts';

// Read leniently, so that a wrong value beside it hides none of it.
const references = z
  .object({
    sandbox: z.object({ server: text.optional().catch(undefined) }).catch({}),
    environments: z.record(
      z.string(),
      z
        .object({
          after: z.string().optional().catch(undefined),
          url: text.optional().catch(undefined),
          pgbouncer: z
            .union([text, z.array(text)])
            .optional()
            .catch(undefined),
        })
        .catch({}),
    ),
  })
  .catch({ sandbox: {}, environments: {} });

/** Environments that are not there, addresses that cannot be read, and copies that would be made in a live database. */
export function referenceProblems(input: unknown, variables: NodeJS.ProcessEnv): string[] {
  const { sandbox, environments } = references.parse(input);
  const ofEnvironments = Object.entries(environments).flatMap(
    ([name, { after, url, pgbouncer }]) => [
      ...(after === undefined || Object.hasOwn(environments, after)
        ? []
        : [`environments.${name}.after: there is no environment ${after}`]),
      ...addressProblems(url, variables).map((problem) => `environments.${name}.url: ${problem}`),
      ...(isSameDatabase(sandbox.server, url, variables)
        ? [
            `sandbox.server: is the database of ${name}; name another one of a server, such as postgres`,
          ]
        : []),
      ...[pgbouncer ?? []]
        .flat()
        .flatMap((console) =>
          addressProblems(console, variables).map(
            (problem) => `environments.${name}.pgbouncer: ${problem}`,
          ),
        ),
    ],
  );
  const ofServer = addressProblems(sandbox.server, variables);
  return [...ofEnvironments, ...ofServer.map((problem) => `sandbox.server: ${problem}`)];
}

function isSameDatabase(
  server: Text | undefined,
  url: Text | undefined,
  variables: NodeJS.ProcessEnv,
): boolean {
  try {
    const live = addressFrom(url, variables);
    return live !== undefined && addressFrom(server, variables)?.equals(live) === true;
  } catch {
    return false;
  }
}

function addressProblems(url: Text | undefined, variables: NodeJS.ProcessEnv): string[] {
  try {
    addressFrom(url, variables);
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}
