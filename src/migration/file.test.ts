import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMigration } from './create.ts';
import { readDown } from './down.ts';
import { readMigration, readMigrations } from './file.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, sql: string): string {
  const path = join(folder, name);
  writeFileSync(path, sql);
  return path;
}

describe('reading migrations', () => {
  it('gives them in the order of their numbers', async () => {
    for (const name of ['010_c.sql', '002_b.sql', '1_a.sql']) write(name, 'SELECT 1;');
    expect((await readMigrations(folder)).map(({ name }) => name)).toEqual([
      '1_a',
      '002_b',
      '010_c',
    ]);
  });

  it('refuses two files with one number and names the next free one', async () => {
    write('007_a.sql', '');
    write('007_b.sql', '');
    await expect(readMigrations(folder)).rejects.toMatchObject({
      code: 'migration/duplicate-number',
      message: '007_a.sql and 007_b.sql have the same number',
      hint: expect.stringContaining(`git mv ${folder}/007_b.sql ${folder}/008_b.sql`),
    });
  });

  it('refuses a file that would be passed over in silence', async () => {
    write('add_users.sql', '');
    await expect(readMigrations(folder)).rejects.toMatchObject({ code: 'migration/bad-name' });
  });

  it('tells line, column and caret of what is not SQL', async () => {
    const path = write('001_a.sql', 'CREATE TABLE a ();\nCRÉATE TABLE b ();\n');
    await expect(readMigration(path)).rejects.toMatchObject({
      code: 'migration/does-not-parse',
      details: { line: 2, column: 1, excerpt: '2 | CRÉATE TABLE b ();\n  | ^' },
    });
  });

  it('refuses an assertion that is no query', async () => {
    for (const sql of ['SELEC 1', 'DELETE FROM a', 'SELECT 1; SELECT 2', '']) {
      const path = write('001_a.sql', `SELECT 1;\n-- drydock: verify ${sql}\n`);
      await expect(readMigration(path)).rejects.toMatchObject({
        code: 'migration/verify-is-no-query',
        details: { line: 2 },
      });
    }
  });

  it('tells that a file is missing, and which', async () => {
    await expect(readMigration(join(folder, '001_a.sql'))).rejects.toMatchObject({
      code: 'migration/not-found',
      message: expect.stringContaining('001_a.sql'),
    });
  });

  it('tells that the folder is missing', async () => {
    await expect(readMigrations(join(folder, 'none'))).rejects.toMatchObject({
      code: 'migration/no-folder',
    });
  });
});

describe("an author's way back", () => {
  it('stands beside its migration and is none itself', async () => {
    write('007_a.sql', 'CREATE TABLE a ();');
    const path = write('007_a.down.sql', 'DROP TABLE a;\nVACUUM b;');
    const migrations = await readMigrations(folder);
    expect(migrations.map(({ name }) => name)).toEqual(['007_a']);
    const down = await readDown({ path: join(folder, '007_a.sql') });
    expect(down).toMatchObject({ path, steps: [{ kind: 'transaction' }, { kind: 'alone' }] });
    expect(await readDown({ path: join(folder, '006.sql') })).toBeUndefined();
  });

  it('that belongs to no migration is refused: nobody would find it', async () => {
    write('007_a.down.sql', '');
    await expect(readMigrations(folder)).rejects.toMatchObject({
      code: 'migration/down-without-migration',
      message: expect.stringContaining('007_a.sql'),
    });
  });
});

describe('creating a migration', () => {
  it('takes the next number, as wide as the others', () => {
    write('0041_a.sql', '');
    expect(basename(createMigration(folder, 'Add teacher mode!'))).toBe(
      '0042_add_teacher_mode.sql',
    );
  });

  it('begins with 001', () => {
    expect(basename(createMigration(folder, 'first'))).toBe('001_first.sql');
  });

  it('writes a template that is a valid migration', async () => {
    const migration = await readMigration(createMigration(folder, 'first'));
    expect(migration.hasOwnTransaction).toBe(true);
    expect(readFileSync(migration.path, 'utf8')).toContain('-- first');
  });

  it('refuses a name without a letter', () => {
    expect(() => createMigration(folder, '!!!')).toThrow(
      expect.objectContaining({ code: 'migration/bad-new-name' }),
    );
  });
});
