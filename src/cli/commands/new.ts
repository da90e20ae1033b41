import { relative } from 'node:path';
import { writing } from '../../core/write-file.ts';
import { type Verb, verb } from '../verb.ts';

export const newCommand: Verb = verb({
  name: 'new',
  brief: 'Create the next numbered migration from a commented template',
  description:
    'Writes NNN_name.sql with the next free number into the migrations folder. Never overwrites.',
  args: [{ placeholder: 'name', brief: 'What it does, in words', rest: true }],
  run: async ({ project, cwd }, ...words) => {
    const { createMigration } = await import('../../migration/create.ts');
    const { config } = await project();
    const path = relative(
      cwd,
      writing(() => createMigration(config.migrations, words.join(' '))),
    );
    return {
      data: { path },
      text: `Created ${path}\nWrite the statements, then look at them with: drydock check ${path}`,
    };
  },
});
