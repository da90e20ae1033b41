// What `drydock init` writes: a configuration, a migrations folder and the runbook's seven scripts.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile, writeNewFile } from '../../core/write-file.ts';
import applyProduction from './templates/apply-migration-production.sh';
import applyStaging from './templates/apply-migration-staging.sh';
import backupDatabase from './templates/backup-database.sh';
import deployProduction from './templates/deploy-production.sh';
import deployStaging from './templates/deploy-staging.sh';
import config from './templates/drydock.config.txt';
import envExample from './templates/env.example.txt';
import preDeployCheck from './templates/pre-deploy-check.sh';
import restoreDatabase from './templates/restore-database.sh';

/** What became of one file or folder. */
export interface ScaffoldedFile {
  readonly path: string;
  readonly written: boolean;
}

const scripts: Readonly<Record<string, string>> = {
  'backup-database.sh': backupDatabase,
  'restore-database.sh': restoreDatabase,
  'apply-migration-staging.sh': applyStaging,
  'apply-migration-production.sh': applyProduction,
  'deploy-staging.sh': deployStaging,
  'deploy-production.sh': deployProduction,
  'pre-deploy-check.sh': preDeployCheck,
};

// Backups hold personal data and .env holds passwords: neither belongs in a repository.
const ignored = ['.env', 'backups/'];

/** Writes what is missing and leaves every file that is there as it is. */
export function scaffold(folder: string): readonly ScaffoldedFile[] {
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return [
    makeFolder(folder, 'migrations/'),
    writeNew(folder, 'drydock.config.ts', config.replace('{{timeZone}}', timeZone)),
    writeNew(folder, '.env.example', envExample),
    ...Object.entries(scripts).map(([name, text]) => writeNew(folder, name, text, 0o755)),
    ignore(folder),
  ];
}

function makeFolder(folder: string, path: string): ScaffoldedFile {
  // What it made first; nothing where all of it was there.
  return { path, written: mkdirSync(join(folder, path), { recursive: true }) !== undefined };
}

function writeNew(folder: string, path: string, text: string, mode = 0o644): ScaffoldedFile {
  const file = join(folder, path);
  if (existsSync(file)) return { path, written: false };
  writeNewFile(file, text, mode);
  return { path, written: true };
}

function ignore(folder: string): ScaffoldedFile {
  const path = '.gitignore';
  const file = join(folder, path);
  const present = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const missing = ignored.filter((line) => !present.split(/\r?\n/).includes(line));
  if (missing.length === 0) return { path, written: false };
  const separator = present === '' || present.endsWith('\n') ? '' : '\n';
  replaceFile(file, `${present}${separator}${missing.join('\n')}\n`);
  return { path, written: true };
}
