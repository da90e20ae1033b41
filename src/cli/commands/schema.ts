import { buildRouteMap, type CommandContext, type RouteMap } from '@stricli/core';
import type { Address } from '../../postgres/address.ts';
import { type CommandInput, type Verb, verb } from '../verb.ts';

const snapshot: Verb = verb({
  name: 'schema snapshot',
  brief: 'Write what a database holds, without rows, for later checks',
  description:
    'Reads names, types, constraints, sizes and traffic of every table in one read-only transaction, and prints a JSON document. Commit it, and give it to: drydock check --schema FILE.',
  args: [{ placeholder: 'environment', brief: 'An environment, or an address' }],
  run: async ({ project, context }, named = '') => {
    const { takeSnapshot } = await import('../../lint/live-schema.ts');
    const taken = await takeSnapshot(await addressFor(named, project), context.signal);
    return { data: taken, text: JSON.stringify(taken, null, 1) };
  },
});

/** `drydock schema …` */
export const schema: RouteMap<CommandContext> = buildRouteMap({
  routes: { snapshot },
  docs: { brief: 'What a database holds, as a file for `drydock check`' },
});

/** The database that a flag or argument names: an address, or an environment of the configuration. */
export async function addressFor(
  named: string,
  project: CommandInput<unknown>['project'],
): Promise<Address> {
  if (/^postgres(ql)?:\/\//.test(named)) {
    const { Address } = await import('../../postgres/address.ts');
    return Address.parse(named);
  }
  const { addressOf, environmentNamed } = await import('../../config/load.ts');
  return addressOf(environmentNamed((await project()).config, named));
}
