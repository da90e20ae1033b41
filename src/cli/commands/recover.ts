import { Failure } from '../../core/failure.ts';
import type { Emergency } from '../../process/emergency.ts';
import type { Target } from '../../process/project.ts';
import type { RecoverHands } from '../../process/recover.ts';
import { type AnswerFlags, askText, askYes, assertRightName, nobodyToAsk } from '../answers.ts';
import { exitCodes } from '../exit-code.ts';
import { renderEmergency, renderTaken } from '../render/recover.ts';
import { swapAnswerFrom } from '../restore-answer.ts';
import { type CommandInput, type Verb, verb } from '../verb.ts';
import { answerFlags, environmentArgument } from './arguments.ts';

interface Flags {
  readonly way?: string;
  readonly tables?: string;
  readonly confirm?: string;
}

export const recover: Verb = verb<Flags>({
  name: 'recover',
  brief: 'Emergency: what changed, what is red, and every way back there is',
  description:
    'Shows what was changed since when, what is red now, and each way back that exists at this moment, the best one first, with the time it is likely to take and what it loses. At a terminal it then asks which way to take, drives it, looks at the health and writes an incident record (incidents/ENV/). Without a terminal it lists, and --way with --confirm drives. Works while the database is gone.',
  args: [environmentArgument],
  flags: {
    way: { kind: 'text', placeholder: 'name', brief: 'Take this way back' },
    tables: {
      kind: 'text',
      placeholder: 'a,b',
      brief: 'The tables that the way tables brings back',
    },
    confirm: answerFlags.confirm,
  },
  run: async (input, environment = '') => {
    const { recoverEnvironment } = await import('../../process/recover.ts');
    const { targetNamed } = await import('../../process/project.ts');
    const project = await input.project();
    const target = targetNamed(project, environment);
    assertAnswerable(input, target);
    const report = await recoverEnvironment(project, environment, handsFrom(input, target));
    const { taken } = report;
    if (taken === null) {
      // At a terminal everything was shown before the question.
      const text = input.interactive ? 'Nothing was changed.' : renderEmergency(report);
      return { data: report, text };
    }
    const ill = taken.health?.healthy === false;
    const exit = taken.outcome === 'declined' ? exitCodes.gateClosed : exitCodes.done;
    return {
      data: report,
      text: renderTaken(environment, taken),
      exit: ill ? exitCodes.unhealthy : exit,
    };
  },
});

// Before anything is looked at: who cannot be asked has to have answered.
function assertAnswerable(
  { flags, interactive }: CommandInput<Flags>,
  { environment, address }: Target,
): void {
  const { database } = address;
  assertRightName(flags, database);
  if (flags.way === undefined || interactive || flags.confirm !== undefined) return;
  throw nobodyToAsk({
    whether: `${environment.name} may be changed`,
    command: `drydock recover ${environment.name} --way ${flags.way} --confirm ${database}`,
  });
}

function handsFrom(input: CommandInput<Flags>, target: Target): RecoverHands {
  const { flags, interactive, say } = input;
  const isAnswered = flags.confirm !== undefined;
  const answers: AnswerFlags = isAnswered ? { yes: true, confirm: target.address.database } : {};
  return {
    choose: async (emergency) => {
      if (flags.way !== undefined) return flags.way;
      if (!interactive) return undefined;
      say(renderEmergency(emergency));
      if (!emergency.ways.some(({ judgement }) => judgement.possible)) return undefined;
      return chosenFrom(emergency, await askText('Which way? Its number or name; Enter: none'));
    },
    confirm: async (question) => isAnswered || askYes(question),
    confirmChange: async (question) => {
      const { environment, address } = target;
      if (isAnswered) return true;
      if (!environment.guarded) return askYes(question);
      say(question);
      const asked = `Type the name of the database to change it (${address.database})`;
      return (await askText(asked)) === address.database;
    },
    confirmSwap: (question) => swapAnswerFrom({ ...input, flags: answers }, target, '')(question),
    tables: async (known) => {
      const text = flags.tables ?? (await wantedTables(input, known));
      return text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '');
    },
  };
}

function chosenFrom({ ways }: Emergency, typed: string): string | undefined {
  if (typed === '') return undefined;
  return /^\d+$/.test(typed) ? (ways[Number(typed) - 1]?.name ?? typed) : typed;
}

async function wantedTables(
  { interactive, say }: CommandInput<Flags>,
  known: readonly string[],
): Promise<string> {
  if (!interactive) {
    throw new Failure({
      code: 'usage/no-such-table',
      message: 'no table was named',
      hint: 'Name them: --tables a,b',
    });
  }
  say(`Tables of the backup: ${known.join(', ')}`);
  return askText('Which tables? With commas between them; Enter: none');
}
