// An engine made of the team's own commands: snapshots and branches of a hosting company, a script
// around another backup program.

import { step } from '../../core/context.ts';
import { Failure, messageOf } from '../../core/failure.ts';
import { run } from '../../core/process.ts';
import { Address } from '../../postgres/address.ts';
import {
  type Engine,
  type EngineBackup,
  type EngineCopy,
  engineFailed,
  lastWords,
} from './engine.ts';

/** The commands; each is run by `sh` in the folder of the configuration. */
export interface EngineCommands {
  /** Takes a backup and prints `{ "id": "…", "takenAt": "…", "sizeBytes": 1 }`; `id` is enough. */
  readonly backup: string;
  /** Prints an array of the same, of whole backups; `takenAt` is needed here. */
  readonly list: string;
  /** Starts a copy of the backup in `DRYDOCK_BACKUP` and prints its address, or `{ "address": … }`. */
  readonly copy: string;
  /** Removes the copy of the backup in `DRYDOCK_BACKUP`. */
  readonly drop: string;
}

/** What the commands are about. */
export interface CommandEngineOptions {
  readonly commands: EngineCommands;
  readonly environment: string;
  readonly folder: string;
  /** The live database: a copy must be another one. */
  readonly live: Address;
}

/** An engine made of commands. What changes from run to run travels in variables. */
export function commandEngine({
  commands,
  environment,
  folder,
  live,
}: CommandEngineOptions): Engine {
  const label = `the ${environment} commands`;
  const ask = async (
    what: string,
    command: string,
    { signal, variables = {} }: { signal: AbortSignal; variables?: Record<string, string> },
  ): Promise<string> => {
    const result = await run('sh', ['-c', command], {
      cwd: folder,
      env: { ...process.env, DRYDOCK_ENVIRONMENT: environment, ...variables },
      signal,
    });
    // Standard output may hold an address with its password: it is never told.
    if (result.exitCode !== 0) throw engineFailed(label, what, lastWords(result));
    return result.stdout.trim();
  };
  return {
    label,
    backUp: (context) =>
      step(context, `back up ${environment} by its own command`, async (reporter) => {
        const said = await ask('take a backup', commands.backup, context);
        const takenAt = context.clock.now().toISOString();
        const backup = readBackup(label, { takenAt, ...objectOf(label, said) });
        reporter.summary(backup.id);
        return backup;
      }),
    list: async (context) => {
      const said = parse(label, await ask('list its backups', commands.list, context));
      if (!Array.isArray(said)) throw misprinted(label, 'no array of backups');
      return said
        .map((each) => readBackup(label, each))
        .sort((a, b) => b.takenAt.localeCompare(a.takenAt));
    },
    startCopy: (context, { backup, at }) =>
      step(context, `start a copy of ${backup.id}`, async () => {
        const variables = {
          DRYDOCK_BACKUP: backup.id,
          ...(at === undefined ? {} : { DRYDOCK_AT: at.toISOString() }),
        };
        // Not by the context's signal: a copy that was paid for is removed after Ctrl-C too.
        const drop = async (): Promise<void> => {
          const { signal } = new AbortController();
          await ask('remove a copy', commands.drop, { signal, variables });
        };
        try {
          const said = await ask('start a copy', commands.copy, { ...context, variables });
          return { address: readAddress(label, said, live), stop: drop } satisfies EngineCopy;
        } catch (failure) {
          if (!(failure instanceof Failure && failure.code === 'engine/live-database'))
            await joined(drop, failure);
          throw failure;
        }
      }),
  };
}

// A copy that failed halfway may exist: what cannot be removed is told beside the first failure.
async function joined(drop: () => Promise<void>, failure: unknown): Promise<void> {
  await drop().catch((second: unknown) => {
    if (failure instanceof Failure) failure.alsoFailed.push(second);
  });
}

function readBackup(label: string, said: unknown): EngineBackup {
  const { id, takenAt, sizeBytes = null } = (said ?? {}) as Partial<Record<string, unknown>>;
  if (typeof id !== 'string' || id === '') throw misprinted(label, 'no id of a backup');
  if (typeof takenAt !== 'string' || Number.isNaN(Date.parse(takenAt)))
    throw misprinted(label, `no time in takenAt of ${id}`);
  if (sizeBytes !== null && typeof sizeBytes !== 'number')
    throw misprinted(label, `no number in sizeBytes of ${id}`);
  return { id, takenAt: new Date(takenAt).toISOString(), sizeBytes };
}

function readAddress(label: string, said: string, live: Address): Address {
  const text = said.startsWith('{') ? String(objectOf(label, said).address) : said;
  let address: Address;
  try {
    address = Address.parse(text);
  } catch (error) {
    throw misprinted(label, messageOf(error));
  }
  if (!address.equals(live)) return address;
  throw new Failure({
    code: 'engine/live-database',
    message: `${label} printed the address of the live database ${live.label} as that of a copy`,
    hint: 'Let the command `copy` print the address of the copy. Nothing was done there, and nothing was removed.',
  });
}

function objectOf(label: string, said: string): Record<string, unknown> {
  const value = parse(label, said);
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw misprinted(label, 'no JSON object');
  return value as Record<string, unknown>;
}

function parse(label: string, said: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    throw misprinted(label, 'no JSON');
  }
}

function misprinted(label: string, problem: string): Failure {
  return engineFailed(label, 'be understood', `its output has ${problem}`);
}
