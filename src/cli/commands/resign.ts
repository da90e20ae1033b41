import { type Verb, verb } from '../verb.ts';
import { environmentArgument, givenReason, reasonFlag } from './arguments.ts';

export const resign: Verb = verb<{ readonly reason?: string }>({
  name: 'resign',
  brief: 'Accept a migration file that was edited after it was applied',
  description:
    'Takes the file of a migration as it is now for the one that was applied. Nothing of it is run; only the checksum in the ledger changes, and the journal keeps who said so and why. White space and comments need no word: they do not count.',
  args: [
    environmentArgument,
    { placeholder: 'migration', brief: 'Number of the migration, such as 008' },
  ],
  flags: { reason: reasonFlag },
  run: async ({ project, flags }, environment = '', migration = '') => {
    const reason = givenReason(flags.reason, `drydock resign ${environment} ${migration}`);
    const { resignMigration } = await import('../../process/acceptance.ts');
    const report = await resignMigration(await project(), { environment, migration, reason });
    return {
      data: report,
      text: report.changed
        ? `✓ the ledger of ${environment} has ${report.migration} with the content of its file`
        : `${report.migration} was not changed since it was applied to ${environment}`,
    };
  },
});
