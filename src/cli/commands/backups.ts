import { renderBackups } from '../render/backups.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

export const backups: Verb = verb({
  name: 'backups',
  brief: 'List the backups of an environment, newest first',
  description:
    'Lists every backup with its age, its size, whether it was proven by restoring it and how long that took, and why it was taken. Files that look like a backup and are none are named too. Reads only.',
  args: [environmentArgument],
  run: async ({ project, context }, environment = '') => {
    const { backupsOf } = await import('../../recovery.ts');
    const list = await backupsOf(await project(), environment);
    return {
      data: { environment, ...list },
      text: renderBackups(environment, list, context.clock.now()),
    };
  },
});
