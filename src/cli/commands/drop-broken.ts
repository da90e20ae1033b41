import { formatBytes } from '../../core/duration.ts';
import { askText, assertRightName, nobodyToAsk } from '../answers.ts';
import { exitCodes } from '../exit-code.ts';
import { wrapLines } from '../render/text.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

export const dropBroken: Verb = verb<{ readonly confirm?: string }>({
  name: 'drop-broken',
  brief: 'Drop the broken database that a restore has kept',
  description:
    'Drops a database that a restore of this environment left behind, and no other one: the broken database, or a copy that a killed restore did not finish. Asks for its name; without a terminal give it as --confirm. What `drydock salvage` has not saved from it is gone then.',
  args: [
    environmentArgument,
    { placeholder: 'database', brief: 'Which one, where there are several', optional: true },
  ],
  flags: {
    confirm: { kind: 'text', placeholder: 'database', brief: 'Answer the question with its name' },
  },
  run: async ({ project, flags, interactive, say }, environment = '', name) => {
    const { dropBrokenDatabase } = await import('../../process/clearing-up.ts');
    const dropped = await dropBrokenDatabase(await project(), {
      environment,
      name,
      confirm: async (found) => {
        assertRightName(flags, found.name);
        if (flags.confirm !== undefined) return true;
        if (!interactive) {
          throw nobodyToAsk({
            whether: `${found.name} may be dropped`,
            command: `drydock drop-broken ${environment} --confirm ${found.name}`,
          });
        }
        say(`${found.name}, ${formatBytes(found.sizeBytes)}, will be gone for good.`);
        if (found.slots.length > 0) say(`Its replication slots too: ${found.slots.join(', ')}.`);
        return (await askText(`Type its name to drop it`)) === found.name;
      },
    });
    return {
      data: { environment, dropped },
      text: wrapLines([
        dropped === null
          ? 'Nothing was dropped: its name was not given.'
          : `${dropped.name} is gone, ${formatBytes(dropped.sizeBytes)} are free again.`,
      ]),
      exit: dropped === null ? exitCodes.gateClosed : exitCodes.done,
    };
  },
});
