import { renderBackup } from '../render/backups.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

export const backup: Verb = verb<{ readonly reason?: string }>({
  name: 'backup',
  brief: 'Back up the database of an environment',
  description:
    'Dumps the database with pg_dump into backups/ENVIRONMENT/pre_migration_DATE_TIME.dump, with a manifest beside it that holds the digest of the file and the row count of every table in the same snapshot. The file gets its name when it is whole and on disk. `drydock prove` restores it for proof.',
  args: [environmentArgument],
  flags: { reason: { kind: 'text', placeholder: 'text', brief: 'Why, for the manifest' } },
  run: async ({ project, flags, cwd }, environment = '') => {
    const { backUpEnvironment } = await import('../../recovery.ts');
    const made = await backUpEnvironment(await project(), {
      environment,
      reason: flags.reason ?? 'by hand',
    });
    return { data: { file: made.file, manifest: made.manifest }, text: renderBackup(made, cwd) };
  },
});
