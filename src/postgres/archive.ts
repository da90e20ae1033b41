// A dump, one file or a folder of files: whether it is still what it was, and how it becomes a
// database again.

import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Context } from '../core/context.ts';
import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import { redact, run } from '../core/process.ts';
import type { Address } from './address.ts';
import {
  type ArchiveContent,
  type ArchiveFile,
  archiveSize,
  readArchive,
} from './archive-content.ts';
import type { FilledView } from './far-views.ts';
import { clientFor, type Installation, installCommand, programPath } from './programs.ts';

/** An archive as it was when it was made. */
export interface Archive extends ArchiveContent {
  readonly path: string;
  /** Major version of the pg_dump that wrote it. */
  readonly dumpMajor: number;
}

/**
 * Reads the whole archive and compares it with what it was. `pg_restore --list` is no such check: it
 * succeeds on a truncated and on a bit-flipped archive, and on a folder of which files are missing.
 *
 * @throws `backup/file-missing`, `backup/file-changed`
 */
export async function verifyArchive(archive: Archive): Promise<void> {
  const size = await archiveSize(archive.path).catch(() => undefined);
  if (size === undefined) {
    throw new Failure({
      code: 'backup/file-missing',
      message: `there is no file ${archive.path}`,
      hint: 'Choose another backup: `drydock backups` lists them.',
    });
  }
  const found = await readArchive(archive.path);
  if (found.sha256 === archive.sha256) return;
  throw new Failure({
    code: 'backup/file-changed',
    message: `the file ${archive.path} is not the one that was written: ${changeOf(archive, found)}`,
    hint: 'Choose another backup (`drydock backups` lists them), or bring this file back from a copy.',
    details: { file: archive.path, sizeBytes: size, expectedBytes: archive.sizeBytes },
  });
}

function changeOf(archive: Archive, found: ArchiveContent): string {
  const by = (files: readonly ArchiveFile[]): Map<string, ArchiveFile> =>
    new Map(files.map((file) => [archive.format === 'file' ? 'it' : file.name, file]));
  const after = by(found.files);
  for (const [name, was] of by(archive.files)) {
    const is = after.get(name);
    if (is === undefined) return `${name} is missing`;
    if (is.sizeBytes !== was.sizeBytes)
      return `${name} has ${formatBytes(is.sizeBytes)} instead of ${formatBytes(was.sizeBytes)}`;
    if (is.sha256 !== was.sha256)
      return name === 'it' ? 'its content is different' : `the content of ${name} is different`;
  }
  return 'there are files in it that do not belong there';
}

/** How an archive is loaded. */
export interface LoadOptions {
  readonly archive: Pick<Archive, 'path' | 'dumpMajor'>;
  /** A database that has nothing of what is loaded; made from template0 where that is everything. */
  readonly into: Address;
  /** `server_version_num` of its server. */
  readonly serverVersion: number;
  /** Tables and indexes that are loaded side by side. */
  readonly jobs: number;
  /** Keeps the tablespaces of the original: only where they exist. */
  readonly keepTablespaces: boolean;
  /** All of it or nothing. */
  readonly inOneTransaction?: boolean;
  /** Options of pg_restore that choose a part of the archive; all of it if left out. */
  readonly selection?: readonly string[];
  /** Materialised views that are made and not filled. */
  readonly withoutViews?: readonly Pick<FilledView, 'id'>[];
  /** Makes the database anew and empty, for a second try by one worker alone. */
  readonly startAnew?: () => Promise<void>;
  /** Told the number of tables loaded so far. */
  readonly onTable: (loaded: number) => void;
}

/**
 * Loads an archive into a database, but for the triggers of a rescue, and stops at the first error.
 *
 * @throws `archive/load-failed` with what pg_restore said
 */
export async function loadArchive(context: Context, options: LoadOptions): Promise<void> {
  try {
    await loadChosen(context, options);
  } catch (failure) {
    const { jobs, startAnew } = options;
    if (jobs === 1 || startAnew === undefined || !isDeadlock(failure)) throw failure;
    context.emit({ kind: 'note', text: deadlocked });
    await startAnew();
    await loadChosen(context, { ...options, jobs: 1 });
  }
}

// The workers of pg_restore take locks in orders of their own: ALTER INDEX … ATTACH PARTITION of one and a
// foreign key or index of another may wait for each other. That says nothing of the archive.
const deadlocked =
  'The workers of pg_restore waited for each other (deadlock): it is loaded once more, by one.';

function isDeadlock(failure: unknown): boolean {
  return failure instanceof Failure && String(failure.details.said).includes('deadlock detected');
}

async function loadChosen(context: Context, options: LoadOptions): Promise<void> {
  const entries = await entriesOf(context, options);
  if (entries === undefined) {
    await load(context, options, []);
    return;
  }
  await sweepLists(context.clock.now().getTime());
  const folder = await mkdtemp(join(tmpdir(), listPrefix));
  try {
    const list = join(folder, 'entries');
    await writeFile(list, entries, { mode: 0o600 });
    await load(context, options, [`--use-list=${list}`]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const listPrefix = 'drydock-list-';
const oldMs = 24 * 3_600_000;

// Of runs that were killed: no load takes a day to read its list. Those of other users stay.
async function sweepLists(now: number): Promise<void> {
  const names = await readdir(tmpdir());
  for (const name of names.filter((each) => each.startsWith(listPrefix))) {
    const folder = join(tmpdir(), name);
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Infinity }));
    if (mtimeMs + oldMs < now) await rm(folder, { recursive: true }).catch(() => {});
  }
}

// The list of an archive names every entry by the object's id (manual, pg_restore, --list). Undefined where
// nothing is left out.
async function entriesOf(context: Context, options: LoadOptions): Promise<string | undefined> {
  const { archive, into, serverVersion, withoutViews = [] } = options;
  const clients = await clientFor(Math.max(serverVersion, archive.dumpMajor * 10_000));
  const args = ['--list', archive.path];
  const how = { env: clientEnvironment(into), signal: context.signal };
  const { stdout, stderr, exitCode } = await run(programPath(clients, 'pg_restore'), args, how);
  if (exitCode !== 0)
    throw loadFailed(options, { exitCode, said: complaints(stderr, 'pg_restore') });
  const ids = new Set(withoutViews.map(({ id }) => String(id)));
  const isFar = (line: string): boolean =>
    ids.has(/^\d+; \d+ (\d+) MATERIALIZED VIEW DATA /.exec(line)?.[1] ?? '');
  const lines = stdout.split('\n');
  const left = lines.filter((line) => !isFar(line) && !capturingTrigger.test(line));
  return left.length === lines.length ? undefined : left.join('\n');
}

// A backup of an armed database has the triggers by which a rescue learns of writes. Nobody would read their
// log in another database, and where the schema alone is copied their function is not there.
const capturingTrigger =
  /^\d+; 2620 \d+ TRIGGER .* (RI_ConstraintTrigger_drydock(_p)?|drydock_rescue_truncate) \S/;

async function load(
  context: Context,
  options: LoadOptions,
  entries: readonly string[],
): Promise<void> {
  const { archive, into } = options;
  // An older pg_restore may not read what a newer pg_dump wrote.
  const clients = await clientFor(Math.max(options.serverVersion, archive.dumpMajor * 10_000));
  // From 17 on pg_restore sets transaction_timeout first, which older servers do not know: it must
  // go on after that one error, so there every error is looked at instead.
  const setsUnknown = clients.major >= 17 && options.serverVersion < 170_000;
  if (setsUnknown && options.inOneTransaction === true) throw tooNew(clients, options);
  let loaded = 0;
  const result = await run(
    programPath(clients, 'pg_restore'),
    [
      ...(setsUnknown ? [] : ['--exit-on-error']),
      '--verbose',
      '--no-password',
      // A restored subscription that is enabled would take over the slot of the original.
      '--no-subscriptions',
      ...(options.keepTablespaces ? [] : ['--no-tablespaces']),
      ...(options.inOneTransaction === true ? ['--single-transaction'] : []),
      ...(options.selection ?? []),
      ...entries,
      `--jobs=${options.jobs}`,
      `--dbname=${into.toolArgument()}`,
      archive.path,
    ],
    {
      env: clientEnvironment(into),
      signal: context.signal,
      secrets: into.secrets(),
      onErrorLine: (line) => {
        if (!line.includes('finished item') || !line.includes(' TABLE DATA ')) return;
        loaded += 1;
        options.onTable(loaded);
      },
    },
  );
  const errors = setsUnknown
    ? complaintsBesideTimeout(result.stderr)
    : complaints(result.stderr, 'pg_restore');
  const said = redact(errors, into.secrets());
  // 1: it went on after errors (manual, pg_restore, Notes).
  if (said === '' && (result.exitCode === 0 || (setsUnknown && result.exitCode === 1))) return;
  throw loadFailed(options, { exitCode: result.exitCode, said });
}

function loadFailed(
  { archive, into }: LoadOptions,
  { exitCode, said }: { readonly exitCode: number; readonly said: string },
): Failure {
  return new Failure({
    code: 'archive/load-failed',
    message: `pg_restore could not load ${basename(archive.path)} into ${into.database}: ${said.slice(0, 2_000) || `it ended with status ${exitCode}`}`,
    hint: 'Remove the cause that pg_restore names, then type the same command again.',
    details: { exitCode, said: said.slice(0, 2_000) },
  });
}

const unknownTimeout =
  /could not execute query: ERROR: +unrecognized configuration parameter "transaction_timeout"\nCommand was: SET transaction_timeout = 0;\n*/g;

// A message is written in pieces: the program's name, `error:`, the text. Pieces of several workers run
// together and only the texts are whole, so the errors are counted.
function complaintsBesideTimeout(stderr: string): string {
  const timeouts = stderr.match(unknownTimeout)?.length ?? 0;
  const rest = stderr.replaceAll(unknownTimeout, '\n');
  if ((rest.match(/error: /g)?.length ?? 0) === timeouts) return '';
  return complaints(rest.replaceAll(/^pg_restore: error: $/gm, ''), 'pg_restore') || rest.trim();
}

function tooNew({ major }: Installation, { serverVersion, archive }: LoadOptions): Failure {
  const serverMajor = Math.floor(serverVersion / 10_000);
  return new Failure({
    code: 'postgres/client-too-new',
    message: `pg_restore ${major} cannot load ${basename(archive.path)} into PostgreSQL ${serverMajor} in one transaction: it sets transaction_timeout first, which that server does not know`,
    hint: `Install programs of the server's own version with \`${installCommand('client', serverMajor)}\`, take a backup with them, and type the same command again.`,
    details: { major, serverMajor },
  });
}

/**
 * The environment of a client program: the password, and messages in the language we read. Of the
 * variables of libpq (manual, 34.15) only those stay that no address can say: a PGSERVICE or a
 * PGCLIENTENCODING would lead the program elsewhere, or make it write other characters.
 */
export function clientEnvironment(address: Address): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^PG[A-Z]+$/.test(name) || variablesThatStay.has(name),
  );
  return { ...Object.fromEntries(kept), ...address.toolEnvironment(), LC_ALL: 'C' };
}

const variablesThatStay = new Set(['PGPASSFILE', 'PGOPTIONS', 'PGKRBSRVNAME', 'PGGSSLIB']);

/** What a client program said about errors, without the progress it tells on the same stream. */
export function complaints(
  stderr: string,
  program: 'pg_dump' | 'pg_dumpall' | 'pg_restore',
): string {
  // A message begins with the program's name and may go on for lines without it.
  const messages = stderr.split(new RegExp(`^(?=${program}: )`, 'm'));
  if (!messages.some((message) => message.startsWith(`${program}: error:`))) return '';
  return messages
    .filter((message) => /^\w+: (error|detail|hint):/.test(message))
    .join('')
    .replaceAll(`${program}: error: `, '')
    .trim();
}
