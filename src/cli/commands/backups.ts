import { renderBackups } from '../render/backups.ts';
import { renderEngineBackups } from '../render/engines.ts';
import { type Verb, verb } from '../verb.ts';
import { engineFlag, environmentArgument } from './arguments.ts';

export const backups: Verb = verb<{ readonly engine?: boolean }>({
  name: 'backups',
  brief: 'List the backups of an environment, newest first',
  description:
    'Lists every backup with its age, its size, whether it was proven by restoring it and how long that took, and why it was taken. Files that look like a backup and are none are named too. Reads only.',
  args: [environmentArgument],
  flags: { engine: engineFlag },
  run: async ({ project, context, flags }, environment = '') => {
    if (flags.engine === true) {
      const { engineBackupsOf } = await import('../../process/engines.ts');
      const known = await engineBackupsOf(await project(), environment);
      const text = renderEngineBackups(known, context.clock.now());
      return { data: { environment, ...known }, text };
    }
    const { backupsOf } = await import('../../process/backing-up.ts');
    const list = await backupsOf(await project(), environment);
    return {
      data: { environment, ...list },
      text: renderBackups(environment, list, context.clock.now()),
    };
  },
});
