import { Failure } from '../../core/failure.ts';
import { renderHistory } from '../render/history.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

export const history: Verb = verb<{ readonly limit?: string }>({
  name: 'history',
  brief: 'Show the journal of an environment, and whether it is whole',
  description:
    'Lists what was done to an environment, newest first: when, by whom, how long, with which outcome and backup. The hash chain is checked over the whole journal. Reads only.',
  args: [environmentArgument],
  flags: {
    limit: { kind: 'text', placeholder: 'count', brief: 'How many commands (default: 20)' },
  },
  run: async ({ project, flags }, environment = '') => {
    const { historyOf } = await import('../../process/outlook.ts');
    // A command is two entries, its beginning and its end.
    const journal = await historyOf(await project(), environment, 2 * count(flags.limit));
    return { data: { environment, ...journal }, text: renderHistory(environment, journal) };
  },
});

function count(text: string | undefined): number {
  const limit = Number(text ?? '20');
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new Failure({
    code: 'usage/bad-number',
    message: `--limit ${text} is not a whole number above 0`,
    hint: 'Give a number, for example: drydock history production --limit 50',
  });
}
