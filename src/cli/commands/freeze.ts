import { Failure } from '../../core/failure.ts';
import type { FreezeReport } from '../../process/freezing.ts';
import type { CommandInput, Outcome, Verb } from '../verb.ts';
import { verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

interface Flags {
  readonly reason?: string;
}

const reasonFlag = {
  kind: 'text',
  placeholder: 'text',
  brief: 'Why; it stays in the journal',
} as const;

export const freeze: Verb = verb<Flags>({
  name: 'freeze',
  brief: 'Let nothing more be promoted to an environment',
  description:
    'Writes into the database of the environment that nothing more is promoted to it. From then on apply and deploy refuse, on every machine, until somebody ends it with `drydock unfreeze`. The ways back (restore, rollback), backups and everything that only reads go on.',
  args: [environmentArgument],
  flags: { reason: reasonFlag },
  run: (input, environment = '') => set(input, environment, true),
});

export const unfreeze: Verb = verb<Flags>({
  name: 'unfreeze',
  brief: 'End a freeze',
  description: 'Ends the freeze of an environment. Who did it and why stays in the journal.',
  args: [environmentArgument],
  flags: { reason: reasonFlag },
  run: (input, environment = '') => set(input, environment, false),
});

async function set(
  { flags, project }: CommandInput<Flags>,
  environment: string,
  wanted: boolean,
): Promise<Outcome<FreezeReport>> {
  const reason = flags.reason?.trim() ?? '';
  if (reason === '') throw withoutReason(wanted ? 'freeze' : 'unfreeze', environment);
  const { setFreeze } = await import('../../process/freezing.ts');
  const report = await setFreeze(await project(), { environment, freeze: wanted, reason });
  const text = wanted
    ? `${environment} is frozen: ${reason}\nEnd it with: drydock unfreeze ${environment} --reason "why it may go on"`
    : report.changed
      ? `${environment} is no longer frozen.`
      : `${environment} was not frozen.`;
  return { data: report, text };
}

function withoutReason(command: string, environment: string): Failure {
  return new Failure({
    code: 'usage/no-reason',
    message: `${command} wants a reason`,
    hint: `Give it: drydock ${command} ${environment} --reason "why"`,
  });
}
