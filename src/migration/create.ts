// Writes the next numbered migration with a safe, commented template.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../core/failure.ts';
import { writeNewFile } from '../core/write-file.ts';
import { migrationFiles, nextFree } from './file.ts';
import template from './template.txt';

/**
 * Creates `NNN_name.sql` in the folder and returns its path. Never overwrites a file.
 *
 * @throws `migration/bad-new-name` when nothing of the name can stand in a file name
 * @example createMigration('migrations', 'add teacher mode') // 'migrations/008_add_teacher_mode.sql'
 */
export function createMigration(folder: string, name: string): string {
  const words = name
    .toLowerCase()
    .replace(/\.sql$/, '')
    .replace(/^\d+[_-]/, '')
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
  if (words === '') {
    throw new Failure({
      code: 'migration/bad-new-name',
      message: `the name "${name}" has no letter or digit`,
      hint: 'Say in words what it does, for example: drydock new add_teacher_mode',
    });
  }
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${nextFree(migrationFiles(folder))}_${words}.sql`);
  // Two people at once get a failure, not a lost file.
  writeNewFile(path, template.replaceAll('{{name}}', words.replaceAll('_', ' ')));
  return path;
}
