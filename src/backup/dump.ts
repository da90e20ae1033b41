// Runs pg_dump on an exported snapshot.

import { open, stat } from 'node:fs/promises';
import type { StepReporter } from '../core/context.ts';
import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import { redact, run } from '../core/process.ts';
import type { Address } from '../postgres/address.ts';
import { clientEnvironment, complaints } from '../postgres/archive.ts';
import { type Installation, programPath } from '../postgres/programs.ts';
import { noSpace } from './preflight.ts';

/** One run of pg_dump. */
export interface DumpOptions {
  readonly clients: Installation;
  readonly address: Address;
  /** As `pg_export_snapshot()` named it; its transaction must stay open meanwhile. */
  readonly snapshot: string;
  /** The file to write. */
  readonly file: string;
  readonly folder: string;
  readonly tables: number;
  readonly reporter: StepReporter;
  readonly signal: AbortSignal;
}

// One file, compressed lightly: gzip 1 takes 0.57 times the time of the default for 3 % more space.
// A dump that waits for a lock gives up soon: ACCESS SHARE on all tables, held while waiting for one
// more, would stop every ALTER TABLE behind it.
const dumpFlags = ['--format=custom', '--compress=1', '--lock-wait-timeout=5s'] as const;

/** The program and its options, for the manifest. */
export function writtenBy(clients: Installation): string {
  return `pg_dump ${clients.version} ${dumpFlags.join(' ')}`;
}

/**
 * Writes the dump.
 *
 * @throws `backup/dump-failed`, `backup/no-space`, `backup/locked`
 */
export async function dump(options: DumpOptions): Promise<void> {
  const { address, file, reporter } = options;
  // Made here with its mode, because pg_dump would make it readable for others.
  await (await open(file, 'w', 0o600)).close();
  let tables = 0;
  const report = async (): Promise<void> => {
    const size = (await stat(file).catch(() => undefined))?.size ?? 0;
    reporter.progress(`${tables} of ${options.tables} tables, ${formatBytes(size)}`);
  };
  const timer = setInterval(() => void report(), 500);
  try {
    const result = await run(
      programPath(options.clients, 'pg_dump'),
      [
        ...dumpFlags,
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
    if (result.exitCode !== 0 || said !== '') {
      throw dumpFailure(said || `it ended with status ${result.exitCode}`, options);
    }
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
    hint: 'Remove the cause that pg_dump names, then type the same command again.',
    details: { said },
  });
}
