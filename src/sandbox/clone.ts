// A copy that somebody else makes: a branch or clone of a hosting company, by the team's own commands.

import { type Context, step } from '../core/context.ts';
import { Failure } from '../core/failure.ts';
import { run } from '../core/process.ts';
import { Address } from '../postgres/address.ts';

/** The commands; each is run by `sh` in the folder of the configuration. */
export interface CloneCommands {
  /** Makes a clone of the environment in `DRYDOCK_ENVIRONMENT` and prints its address, alone. */
  readonly create: string;
  /** Removes the clone whose address is in `DRYDOCK_CLONE`. */
  readonly drop: string;
}

/** A clone, until it is dropped. */
export interface Clone {
  readonly address: Address;
  drop(): Promise<void>;
}

/**
 * Makes a clone.
 *
 * @throws `sandbox/clone-failed`; `sandbox/clone-is-live` when the command prints the address of the
 *   live database: nothing is done there, and nothing is dropped
 */
export async function makeClone(
  context: Context,
  options: {
    readonly commands: CloneCommands;
    readonly environment: string;
    readonly folder: string;
    readonly live: Address;
  },
): Promise<Clone> {
  const { commands, environment, folder, live } = options;
  const ask = async (
    what: string,
    more: NodeJS.ProcessEnv,
    signal?: AbortSignal,
  ): Promise<string> => {
    const result = await run('sh', ['-c', what], {
      cwd: folder,
      env: { ...process.env, DRYDOCK_ENVIRONMENT: environment, ...more },
      ...(signal === undefined ? {} : { signal }),
    });
    if (result.exitCode === 0) return result.stdout.trim();
    throw cloneFailed(`${what} ended with status ${result.exitCode}: ${result.stderr.trim()}`);
  };
  return step(context, `make a clone of ${environment}`, async () => {
    const printed = await ask(commands.create, {}, context.signal);
    // What it printed may hold a password, so it is not repeated.
    const address = readAddress(printed);
    if (address.equals(live)) {
      throw new Failure({
        code: 'sandbox/clone-is-live',
        message: `the command for a clone printed the address of ${environment} itself, ${live.label}`,
        hint: 'Let sandbox.clone.create print the address of the clone. Nothing was done there, and nothing was dropped.',
      });
    }
    return {
      address,
      // Not by the context's signal: a clone that was paid for is removed after Ctrl-C too.
      drop: async () => {
        await ask(commands.drop, { DRYDOCK_CLONE: printed });
      },
    };
  });
}

function readAddress(printed: string): Address {
  try {
    return Address.parse(printed);
  } catch {
    throw cloneFailed('what it printed is no address of a database');
  }
}

function cloneFailed(why: string): Failure {
  return new Failure({
    code: 'sandbox/clone-failed',
    message: `the command for a clone failed: ${why}`,
    hint: 'Mend sandbox.clone in the configuration, then type the same command again.',
  });
}
