// What all commands have in common: flags, progress, Ctrl-C, the JSON document, failures, exit status.
// A command itself is data and one function that returns an outcome.

import { resolve } from 'node:path';
import { buildCommand, type Command, type CommandContext } from '@stricli/core';
import { currentActor } from '../core/actor.ts';
import { systemClock } from '../core/clock.ts';
import { type Context, interrupted } from '../core/context.ts';
import type { Project } from '../process/project.ts';
import type { Documents, FailureDocument } from './documents.ts';
import { exitCodeOf } from './exit-code.ts';
import { failureDocument, renderFailure } from './render/failure.ts';
import { showProgress } from './render/progress.ts';
import { wrap } from './render/text.ts';

/** What a command returns: one value for programs, one text for people, one number for shells. */
export interface Outcome<DATA = unknown> {
  readonly data: DATA;
  /** `data` as JSON, where it is there already: copied to programs as it stands. */
  readonly json?: () => Uint8Array;
  readonly text: string;
  readonly exit?: number;
}

/** What a command is given. */
export interface CommandInput<FLAGS> {
  readonly flags: FLAGS;
  readonly context: Context;
  readonly cwd: string;
  /** True when a person can be asked. */
  readonly interactive: boolean;
  /** Shows a text to people at once, before the outcome. */
  readonly say: (text: string) => void;
  /** Reads the configuration, when the command needs one. */
  readonly project: () => Promise<Project>;
}

interface CommonFlags {
  readonly json?: boolean;
  readonly config?: string;
}

/** A flag as a command declares it. */
export type FlagParts =
  | { readonly kind: 'switch'; readonly brief: string }
  | {
      readonly kind: 'text';
      readonly brief: string;
      readonly placeholder: string;
      /** One letter that means the same. */
      readonly letter?: string;
    }
  | { readonly kind: 'texts'; readonly brief: string; readonly placeholder: string };

/** An argument as a command declares it. */
export interface ArgumentParts {
  readonly placeholder: string;
  readonly brief: string;
  readonly optional?: boolean;
  /** Takes all arguments that are left. Only the last one may. */
  readonly rest?: boolean;
}

/** A command as its file declares it; what it returns is the document of its name. */
export type VerbParts<FLAGS> = {
  [NAME in keyof Documents]: PartsOf<NAME, FLAGS>;
}[keyof Documents];

interface PartsOf<NAME extends keyof Documents, FLAGS> {
  readonly name: NAME;
  /** One line for the list of commands. */
  readonly brief: string;
  /** What the step does and does not do, for `--help`. */
  readonly description: string;
  readonly args?: readonly ArgumentParts[];
  readonly flags?: { readonly [NAME in keyof FLAGS & string]: FlagParts };
  run(input: CommandInput<FLAGS>, ...args: string[]): Promise<Outcome<Documents[NAME]>>;
}

/** A command that `main.ts` can list. */
export type Verb = Command<CommandContext>;

/** Makes a command of its declaration. */
export function verb<FLAGS = Record<never, never>>(
  parts: VerbParts<FLAGS>,
): Command<CommandContext> {
  return buildCommand<Record<string, unknown>, string[], CommandContext>({
    docs: { brief: parts.brief, fullDescription: wrap(parts.description, 80).join('\n') },
    parameters: {
      flags: Object.fromEntries(
        Object.entries<FlagParts>({ ...commonFlags, ...parts.flags }).map(([name, flag]) => [
          name,
          flagParameter(flag),
        ]),
      ),
      aliases: Object.fromEntries(
        Object.entries<FlagParts>(parts.flags ?? {}).flatMap(([name, flag]) =>
          flag.kind === 'text' && flag.letter !== undefined ? [[flag.letter, name]] : [],
        ),
      ),
      positional: positionalParameters(parts.args ?? []),
    } as never,
    func: async function (this: CommandContext, flags: Record<string, unknown>, ...args: string[]) {
      await execute(process, parts, flags as CommonFlags & FLAGS, args);
    },
  });
}

const commonFlags: Record<keyof CommonFlags, FlagParts> = {
  json: { kind: 'switch', brief: 'Print one JSON document, and ask nothing' },
  config: { kind: 'text', placeholder: 'file', brief: 'Use this configuration file' },
};

async function execute<FLAGS>(
  process: NodeJS.Process,
  parts: VerbParts<FLAGS>,
  flags: CommonFlags & FLAGS,
  args: readonly string[],
): Promise<void> {
  const json = flags.json === true;
  const progress = showProgress(process.stderr);
  const stopping = listenForStop(process, () =>
    progress.note('Stopping: what runs is cancelled and cleaned up. Once more to leave at once.'),
  );
  const context: Context = { emit: progress.emit, clock: systemClock, signal: stopping.signal };
  // Everything for people goes to standard error while standard output belongs to a program.
  const say = (text: string): void => {
    progress.pause();
    (json ? process.stderr : process.stdout).write(`${text}\n`);
  };
  const input: CommandInput<FLAGS> = {
    flags,
    context,
    cwd: process.cwd(),
    interactive: !json && process.stdin.isTTY === true && process.stdout.isTTY === true,
    say,
    project: async () => {
      const { loadConfig } = await import('../config/load.ts');
      const cwd = resolve(process.cwd());
      const config = await loadConfig({ cwd, file: flags.config, variables: process.env });
      return { config, context, actor: currentActor(process.env) };
    },
  };
  try {
    const outcome = await parts.run(input, ...args);
    progress.pause();
    const exit = outcome.exit ?? 0;
    if (json) printDocument(process, parts.name, { exit, outcome, failure: null });
    else if (outcome.text !== '') process.stdout.write(`${outcome.text}\n`);
    process.exitCode = exit;
  } catch (error) {
    progress.pause();
    const failure = stopping.signal.aborted && !isFailure(error) ? interrupted() : error;
    const exit = exitCodeOf(failure);
    process.stderr.write(`${renderFailure(failure, process.stderr)}\n`);
    if (json) printDocument(process, parts.name, { exit, failure: failureDocument(failure) });
    process.exitCode = exit;
  } finally {
    stopping.release();
    progress.close();
  }
}

/** Prints the one document that `--json` promises. */
export function printDocument(
  process: NodeJS.Process,
  command: string,
  rest: {
    exit: number;
    outcome?: Pick<Outcome, 'data' | 'json'>;
    failure: FailureDocument | null;
  },
): void {
  const { exit, outcome, failure } = rest;
  const { stdout } = process;
  const opening = { command, ok: exit === 0, exit };
  if (outcome?.json !== undefined && stdout.isTTY !== true) {
    stdout.write(`${JSON.stringify(opening).slice(0, -1)},"data":`);
    stdout.write(outcome.json());
    stdout.write(`,"failure":${JSON.stringify(failure)}}\n`);
    return;
  }
  const document = { ...opening, data: outcome?.data ?? null, failure };
  // Indented for people alone: a program reads half as many bytes, and ten thousand findings are many.
  stdout.write(`${JSON.stringify(document, undefined, stdout.isTTY === true ? 2 : undefined)}\n`);
}

function isFailure(error: unknown): boolean {
  return error instanceof Error && error.name === 'Failure';
}

// The first signal asks politely; the second one ends the process, and the watchdogs and the next
// run clean up.
function listenForStop(
  process: NodeJS.Process,
  onFirst: () => void,
): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    onFirst();
    controller.abort(interrupted());
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', stop);
  return {
    signal: controller.signal,
    release: () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      process.off('SIGHUP', stop);
    },
  };
}

function flagParameter(flag: FlagParts): Record<string, unknown> {
  if (flag.kind === 'switch') {
    return { kind: 'boolean', brief: flag.brief, optional: true, withNegated: false };
  }
  const { brief, placeholder } = flag;
  const text = { kind: 'parsed', parse: String, brief, placeholder, optional: true };
  return flag.kind === 'texts' ? { ...text, variadic: true } : text;
}

function positionalParameters(args: readonly ArgumentParts[]): Record<string, unknown> {
  const parameter = ({ brief, placeholder, optional }: ArgumentParts): Record<string, unknown> => ({
    brief,
    placeholder,
    parse: String,
    ...(optional === true ? { optional } : {}),
  });
  const last = args.at(-1);
  return last?.rest === true
    ? { kind: 'array', parameter: parameter({ ...last, optional: false }) }
    : { kind: 'tuple', parameters: args.map(parameter) };
}
