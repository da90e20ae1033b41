import { renderBackup } from '../render/backups.ts';
import { renderEngineBackup } from '../render/engines.ts';
import { type Verb, verb } from '../verb.ts';
import { engineFlag, environmentArgument } from './arguments.ts';

export const backup: Verb = verb<{
  readonly reason?: string;
  readonly hashAll?: boolean;
  readonly engine?: boolean;
}>({
  name: 'backup',
  brief: 'Back up the database of an environment',
  description:
    'Dumps the database with pg_dump into backups/ENVIRONMENT/pre_migration_DATE_TIME.dump (a folder for a large one), with the roles and settings as SQL and a manifest beside it that holds the digest of the file, and the row count of every table and a hash of the rows of small ones, all of the same snapshot. The dump gets its name when it is whole and on disk. `drydock prove` restores it for proof.',
  args: [environmentArgument],
  flags: {
    reason: { kind: 'text', placeholder: 'text', brief: 'Why, for the manifest' },
    engine: engineFlag,
    hashAll: { kind: 'switch', brief: 'Hash the rows of every table, not of the small ones alone' },
  },
  run: async ({ project, flags, cwd }, environment = '') => {
    if (flags.engine === true) {
      const { backUpByEngine } = await import('../../process/engines.ts');
      const reason = flags.reason ?? 'by hand';
      const record = await backUpByEngine(await project(), { environment, reason });
      return { data: record, text: renderEngineBackup(record) };
    }
    const { backUpEnvironment } = await import('../../process/backing-up.ts');
    const made = await backUpEnvironment(await project(), {
      environment,
      reason: flags.reason ?? 'by hand',
      hashAll: flags.hashAll,
    });
    return { data: { file: made.file, manifest: made.manifest }, text: renderBackup(made, cwd) };
  },
});
