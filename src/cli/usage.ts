// A command line that cannot be read, told like every other failure.

import { stripVTControlCharacters } from 'node:util';
import { Failure } from '../core/failure.ts';
import { exitCodeOf } from './exit-code.ts';
import { failureDocument, renderFailure } from './render/failure.ts';
import { printDocument } from './verb.ts';

/** Tells people, and programs where `--json` is among the arguments, what the parser said. */
export function tellUsage(said: string, args: readonly string[]): void {
  const failure = usageFailure(stripVTControlCharacters(said).trim(), args);
  const exit = exitCodeOf(failure);
  process.stderr.write(`${renderFailure(failure, process.stderr)}\n`);
  if (args.includes('--json')) {
    const command = args.find((each) => !each.startsWith('-')) ?? '';
    printDocument(process, command, { exit, failure: failureDocument(failure) });
  }
  process.exitCode = exit;
}

function usageFailure(said: string, args: readonly string[]): Failure {
  const command = said.startsWith('No command') ? undefined : args[0];
  return new Failure({
    code: 'usage/bad-arguments',
    message: `${said.charAt(0).toLowerCase()}${said.slice(1)}`.replace(/[.?]$/, ''),
    hint: `See how it is called: drydock ${command === undefined ? '' : `${command} `}--help`,
  });
}
