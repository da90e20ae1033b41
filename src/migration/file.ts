// One numbered SQL file: its name, its text, its checksum and its statements.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../core/failure.ts';
import { parseSql } from '../postgres/parser.ts';
import { positionsIn } from '../postgres/text-position.ts';
import { checksumOf } from './checksum.ts';
import {
  type MigrationStatement,
  type MigrationStep,
  type Place,
  splitIntoSteps,
} from './steps.ts';
import { syntaxFailure, typedPath } from './syntax.ts';
import { compareVersions, inOrder, isDown, upNameOf, versionOf } from './version.ts';

/** A migration as it stands in its file, unread: enough to compare it with a ledger. */
export interface MigrationText {
  /** The number, as written: `008` or `20251015120000`. */
  readonly version: string;
  /** The whole file name without `.sql`: `008_add_teacher_mode`. */
  readonly name: string;
  readonly path: string;
  readonly sql: string;
  /** SHA-256 of what the text tells the server to do, whatever its layout and comments. */
  readonly checksum: string;
}

/** A migration with what is run. */
export interface Migration extends MigrationText {
  /** What is run, in order. */
  readonly steps: readonly MigrationStep[];
  /** True when BEGIN and COMMIT stand in the file itself. */
  readonly hasOwnTransaction: boolean;
}

const namePattern = /^(\d{1,14})_([A-Za-z0-9][\w-]*)\.sql$/;

/**
 * Reads one migration.
 *
 * @throws `migration/not-found`, `migration/bad-name`, and what {@link parseMigration} throws
 */
export async function readMigration(path: string): Promise<Migration> {
  return await parseMigration(readMigrationText(path));
}

/**
 * Finds out what a migration runs.
 *
 * @throws what {@link stepsOf} throws
 */
export async function parseMigration(text: MigrationText): Promise<Migration> {
  return { ...text, ...(await stepsOf(text.path, text.sql)) };
}

/**
 * Cuts the text of a file into steps.
 *
 * @throws `migration/does-not-parse`, `migration/verify-is-no-query`, and what
 *   {@link splitIntoSteps} throws
 */
export async function stepsOf(
  path: string,
  sql: string,
): Promise<Pick<Migration, 'steps' | 'hasOwnTransaction'>> {
  const parsed = await parseSql(sql);
  const [problem] = parsed.problems;
  if (problem !== undefined) throw syntaxFailure(path, sql, problem);
  const positionAt = positionsIn(sql);
  const placeOf = ({ start }: { readonly start: number }): Place => ({
    file: path,
    line: positionAt(start).line,
  });
  const split = splitIntoSteps(parsed.statements, placeOf, parsed.comments);
  for (const { verifications } of split.steps) await assertQueries(path, verifications);
  return split;
}

/**
 * All migrations of a folder in their order. Every `.sql` file must be one: a file that is passed
 * over in silence is a migration that production never gets.
 *
 * @throws what {@link readMigrationTexts} and {@link parseMigration} throw
 */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  return Promise.all(readMigrationTexts(folder).map(parseMigration));
}

/**
 * The same without a look at what they run: the parser's start costs more than all the rest of a look
 * at where an environment stands.
 *
 * @throws `migration/no-folder`, `migration/duplicate-number`, `migration/down-without-migration`,
 *   `migration/not-found`, `migration/bad-name`
 */
export function readMigrationTexts(folder: string): readonly MigrationText[] {
  const files = migrationFiles(folder);
  assertDistinctNumbers(folder, files);
  return files.map((file) => readMigrationText(join(folder, file)));
}

function readMigrationText(path: string): MigrationText {
  const file = basename(path);
  const version = namePattern.exec(file)?.[1];
  if (version === undefined) throw badName(path);
  const sql = readText(path);
  return { version, name: file.slice(0, -'.sql'.length), path, sql, checksum: checksumOf(sql) };
}

/**
 * The names of the `.sql` files of a folder, in order of their numbers, without the ways back that stand
 * beside them.
 */
export function migrationFiles(folder: string): readonly string[] {
  if (!existsSync(folder)) {
    throw new Failure({
      code: 'migration/no-folder',
      message: `there is no folder ${folder}`,
      hint: 'Make it with `drydock init`, or name another one as `migrations` in the configuration.',
    });
  }
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'));
  const lost = files.find((file) => isDown(file) && !files.includes(upNameOf(file)));
  if (lost !== undefined) throw downAlone(join(folder, lost), upNameOf(lost));
  return inOrder(files.filter((file) => !isDown(file)));
}

// A way back that nobody will find, most likely because its migration was renamed.
function downAlone(path: string, up: string): Failure {
  return new Failure({
    code: 'migration/down-without-migration',
    message: `${path} is the way back of ${up}, which is not there`,
    hint: `Name it like the migration that it takes back, with .down.sql at the end, or remove it: rm ${typedPath(path)}`,
    details: { file: path },
  });
}

async function assertQueries(
  path: string,
  verifications: readonly MigrationStatement[],
): Promise<void> {
  for (const { sql, line } of verifications) {
    const { statements, problems } = await parseSql(sql);
    const [query] = statements;
    if (problems.length === 0 && statements.length === 1 && 'SelectStmt' in (query?.node ?? {})) {
      continue;
    }
    throw new Failure({
      code: 'migration/verify-is-no-query',
      message: `${path}:${line}: what stands after \`drydock: verify\` is not one query${problems[0] === undefined ? '' : `: ${problems[0].message}`}`,
      hint: 'Write one SELECT that returns true, for example: -- drydock: verify SELECT count(*) = 0 FROM users WHERE email IS NULL',
      details: { file: path, line },
    });
  }
}

function assertDistinctNumbers(folder: string, files: readonly string[]): void {
  const seen = new Map<bigint, string>();
  for (const file of files) {
    const number = BigInt(versionOf(file) || '0');
    const first = seen.get(number);
    if (first !== undefined && versionOf(file) !== '') {
      const [from, to] = [file, `${nextFree(files)}${file.slice(versionOf(file).length)}`];
      throw new Failure({
        code: 'migration/duplicate-number',
        message: `${first} and ${file} have the same number`,
        hint: `Give one of them the next free number: git mv ${typedPath(join(folder, from))} ${typedPath(join(folder, to))}`,
        details: { files: [first, file] },
      });
    }
    seen.set(number, file);
  }
}

/** The number after the last one of a folder, as wide as the numbers there. */
export function nextFree(files: readonly string[]): string {
  const last = files.map(versionOf).filter(Boolean).sort(compareVersions).at(-1) ?? '000';
  return String(BigInt(last) + 1n).padStart(last.length, '0');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Failure({
      code: 'migration/not-found',
      message: `cannot read the migration ${path}: ${(error as NodeJS.ErrnoException).code ?? ''}`,
      hint: `Check the path; the files beside it are listed by: ls ${typedPath(dirname(path))}`,
      cause: error,
    });
  }
}

function badName(path: string): Failure {
  return new Failure({
    code: 'migration/bad-name',
    message: `${path} is not named like a migration`,
    hint: 'Name it NNN_what_it_does.sql, for example 008_add_teacher_mode.sql, or move it out of the folder.',
  });
}
