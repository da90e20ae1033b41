// Runs pg_dump on an exported snapshot.

import { chmod, mkdir, open, readdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { StepReporter } from '../core/context.ts';
import { whileThereIsRoom } from '../core/disk.ts';
import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import { redact, run } from '../core/process.ts';
import type { Address } from '../postgres/address.ts';
import { type Archive, clientEnvironment, complaints } from '../postgres/archive.ts';
import { archiveSize, type EarlyDigests, readEarly } from '../postgres/archive-content.ts';
import { type Installation, programPath } from '../postgres/programs.ts';
import { noSpace } from './preflight.ts';

/** One run of pg_dump. */
export interface DumpOptions {
  readonly clients: Installation;
  readonly address: Address;
  /** As `pg_export_snapshot()` named it; its transaction must stay open meanwhile. */
  readonly snapshot: string;
  /** One file, or a folder with a file for each table, which several sessions write side by side. */
  readonly format: Archive['format'];
  /** The file or folder to write. */
  readonly file: string;
  readonly folder: string;
  readonly tables: number;
  readonly reporter: StepReporter;
  readonly signal: AbortSignal;
}

// The best first. Light compression each time: gzip 1 takes 0.57 times the time of the default for 3 %
// more space. Before version 16 there was gzip alone; since then it depends on how pg_dump was built.
const compressions = ['--compress=zstd:1', '--compress=lz4:1', '--compress=1'] as const;

/** A finished dump. */
export interface Dumped {
  /** The program and the options that wrote it. */
  readonly writtenBy: string;
  /** Of files that were whole before the last one was. */
  readonly early: EarlyDigests;
}

/**
 * Writes the dump. It is synced, and readable by its owner alone.
 *
 * @throws `backup/dump-failed`, `backup/no-space`, `backup/locked`
 */
export async function dump(options: DumpOptions): Promise<Dumped> {
  const { clients, file, format } = options;
  for (const compression of clients.major < 16 ? compressions.slice(-1) : compressions) {
    // An earlier try may have left something. Made here, for pg_dump would make a file that others
    // can read.
    await rm(file, { recursive: true, force: true });
    if (format === 'folder') await mkdir(file, { mode: 0o700 });
    else await (await open(file, 'w', 0o600)).close();
    const flags = [...formatFlags(format), compression];
    const reading = readEarly(file);
    const said = await whileThereIsRoom({
      folder: () => options.folder,
      signal: options.signal,
      work: (signal) => runDump(flags, { ...options, signal }),
      full: (free) =>
        noSpace(options.folder, `the dump was stopped when ${formatBytes(free)} were free`),
    }).catch(async (failure: unknown) => {
      await reading.stop();
      throw failure;
    });
    const early = await reading.stop();
    if (said === '') {
      if (format === 'folder')
        for (const name of await readdir(file)) await chmod(join(file, name), 0o600);
      const program = programPath(clients, 'pg_dump');
      return { writtenBy: `${program} ${clients.version} ${flags.join(' ')}`, early };
    }
    if (!/does not support compression/i.test(said)) throw dumpFailure(said, options);
  }
  throw dumpFailure('it supports no compression at all', options);
}

// A dump that waits for a lock gives up soon: ACCESS SHARE on all tables, held while waiting for one
// more, would stop every ALTER TABLE behind it.
function formatFlags(format: Archive['format']): string[] {
  const jobs = Math.min(4, availableParallelism());
  const how = format === 'file' ? ['--format=custom'] : ['--format=directory', `--jobs=${jobs}`];
  return [...how, '--lock-wait-timeout=5s'];
}

// Returns what went wrong; nothing when nothing did.
async function runDump(flags: readonly string[], options: DumpOptions): Promise<string> {
  const { address, file, reporter } = options;
  let tables = 0;
  const report = async (): Promise<void> => {
    const size = await archiveSize(file).catch(() => 0);
    reporter.progress(`${tables} of ${options.tables} tables, ${formatBytes(size)}`);
  };
  const timer = setInterval(() => void report(), 500);
  try {
    const result = await run(
      programPath(options.clients, 'pg_dump'),
      [
        ...flags,
        '--verbose',
        '--no-password',
        `--snapshot=${options.snapshot}`,
        `--file=${file}`,
        `--dbname=${address.toolArgument()}`,
      ],
      {
        env: clientEnvironment(address),
        signal: options.signal,
        onErrorLine: (line) => {
          if (line.includes('dumping contents of table')) tables += 1;
        },
      },
    );
    const said = redact(complaints(result.stderr, 'pg_dump'), address.secrets()).slice(0, 2_000);
    return said === '' && result.exitCode !== 0 ? `it ended with status ${result.exitCode}` : said;
  } finally {
    clearInterval(timer);
  }
}

function dumpFailure(said: string, { address, folder }: DumpOptions): Failure {
  if (/No space left on device|Disk quota exceeded|File too large/i.test(said)) {
    return noSpace(folder, said);
  }
  if (/lock timeout|could not obtain lock/i.test(said)) {
    return new Failure({
      code: 'backup/locked',
      message: `a table of ${address.label} is locked by another session`,
      hint: 'Wait until that session has ended, then type the same command again.',
      details: { said },
    });
  }
  return new Failure({
    code: 'backup/dump-failed',
    message: `pg_dump could not dump ${address.label}: ${said}`,
    // One lock for each table, all of them held to the end (manual, 20.12).
    hint: said.includes('max_locks_per_transaction')
      ? 'Let the server lock as many tables at once: ALTER SYSTEM SET max_locks_per_transaction to a number with which max_locks_per_transaction times max_connections is twice the number of tables, sequences and indexes; restart it, then type the same command again.'
      : 'Remove the cause that pg_dump names, then type the same command again.',
    details: { said },
  });
}
