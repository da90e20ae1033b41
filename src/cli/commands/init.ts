import { writing } from '../../core/write-file.ts';
import { type Verb, verb } from '../verb.ts';

export const init: Verb = verb({
  name: 'init',
  brief: "Write a configuration, migrations/ and the runbook's scripts",
  description:
    'Writes drydock.config.ts, .env.example, migrations/ and the seven scripts into this folder, and adds .env and backups/ to .gitignore. Files that are there already are left as they are.',
  run: async ({ cwd }) => {
    const { scaffold } = await import('../init/scaffold.ts');
    const files = writing(() => scaffold(cwd));
    const lines = files.map(({ path, written }) => `${written ? 'wrote' : 'kept '}  ${path}`);
    return {
      data: { files },
      text: [
        ...lines,
        '',
        'Next: set DEV_DATABASE_URL (see .env.example), then: npx drydock new NAME',
      ].join('\n'),
    };
  },
});
