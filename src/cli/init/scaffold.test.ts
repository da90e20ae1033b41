import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scaffold } from './scaffold.ts';

const example = fileURLToPath(
  new URL('../../../examples/homework-helper/backend/', import.meta.url),
);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function scripts(where: string): string[] {
  return readdirSync(where).filter((name) => name.endsWith('.sh'));
}

describe('init', () => {
  it("writes the runbook's seven scripts, ready to run", () => {
    scaffold(folder);
    expect(scripts(folder).sort()).toEqual([
      'apply-migration-production.sh',
      'apply-migration-staging.sh',
      'backup-database.sh',
      'deploy-production.sh',
      'deploy-staging.sh',
      'pre-deploy-check.sh',
      'restore-database.sh',
    ]);
    for (const name of scripts(folder)) {
      expect(statSync(join(folder, name)).mode & 0o111).not.toBe(0);
    }
  });

  it('writes the scripts that the example has', () => {
    scaffold(folder);
    for (const name of scripts(folder)) {
      expect(readFileSync(join(example, name), 'utf8')).toBe(
        readFileSync(join(folder, name), 'utf8'),
      );
    }
  });

  it('leaves every file that is there as it is', () => {
    writeFileSync(join(folder, 'drydock.config.ts'), '// mine');
    writeFileSync(join(folder, '.gitignore'), '.env\nnode_modules');
    scaffold(folder);
    expect(scaffold(folder).filter(({ written }) => written)).toEqual([]);
    expect(readFileSync(join(folder, 'drydock.config.ts'), 'utf8')).toBe('// mine');
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toBe('.env\nnode_modules\nbackups/\n');
  });
});
