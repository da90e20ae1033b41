import { readFileSync } from 'node:fs';
import { exitCodes } from '../exit-code.ts';
import { renderFindings } from '../render/findings.ts';
import { verb } from '../verb.ts';

export const check = verb({
  name: 'check',
  brief: 'Name every hazard in migrations, with the lock, whom it blocks, and the safe form',
  description:
    "Reads SQL files with PostgreSQL's own parser and names what would hurt a live database. Without files it checks the migrations folder. Needs no database and no configuration. Exit 3 on an error.",
  args: [
    { placeholder: 'file', brief: 'Files to check (default: the migrations folder)', rest: true },
  ],
  run: async ({ project }, ...files) => {
    const { check: checkFiles } = await import('../../lint/check.ts');
    const paths = files.length > 0 ? files : await migrationsOf(project);
    const texts = paths.map((path) => ({ path, sql: readFileSync(path, 'utf8') }));
    const report = await checkFiles(texts);
    const errors = report.findings.some((finding) => finding.severity === 'error');
    return {
      data: report,
      text: renderFindings(report, texts),
      exit: errors ? exitCodes.findings : exitCodes.done,
    };
  },
});

async function migrationsOf(
  project: () => Promise<{ readonly config: { readonly migrations: string } }>,
): Promise<readonly string[]> {
  const { join } = await import('node:path');
  const { migrationFiles } = await import('../../migration/file.ts');
  const { migrations } = (await project()).config;
  return migrationFiles(migrations).map((file) => join(migrations, file));
}
