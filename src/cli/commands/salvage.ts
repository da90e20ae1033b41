import { renderSalvage } from '../render/salvage.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

export const salvage: Verb = verb<{ readonly to?: string }>({
  name: 'salvage',
  brief: 'After a restore: save the rows that the broken database still has',
  description:
    'Compares the broken database that a restore has kept with the restored one, by primary key, and writes files of SQL: rows that are missing now as INSERT, rows that are otherwise now as UPDATE. Look at them and apply those you want, in the order of their numbers. Reads only; the broken database stays closed to others.',
  args: [
    environmentArgument,
    { placeholder: 'database', brief: 'The broken one (default: the newest)', optional: true },
  ],
  flags: {
    to: {
      kind: 'text',
      placeholder: 'folder',
      brief: 'Where the files go (default: NAME_salvage)',
    },
  },
  run: async ({ project, flags, cwd }, environment = '', name) => {
    const { salvageRows } = await import('../../process/clearing-up.ts');
    const report = await salvageRows(await project(), { environment, name, folder: flags.to });
    return { data: report, text: renderSalvage(report, cwd) };
  },
});
