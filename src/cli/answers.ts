// Who answers the questions of a guarded environment: flags first, then a person at a terminal, and
// without either nobody: then nothing is done.

import { interrupted } from '../core/context.ts';
import { shortDigest } from '../core/digest.ts';
import { formatBytes, formatDuration } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import type { Finding } from '../lint/finding.ts';
import type { Target } from '../process/project.ts';
import type { Answers, FinalQuestion, PlanQuestion } from '../safe-change.ts';
import { renderGates } from './render/gates.ts';
import { renderPlan } from './render/plan.ts';
import { renderRehearsal } from './render/rehearsal.ts';
import { notKeptLines } from './render/rehearsal-way-back.ts';
import { plural } from './render/text.ts';
import type { CommandInput } from './verb.ts';

/** The flags that answer. */
export interface AnswerFlags {
  readonly yes?: boolean;
  readonly confirm?: string;
}

/**
 * Answers for a command: it shows each question and takes the answer where there is one. Without a
 * terminal both answers must be there at the first question: nobody wants a backup and a rehearsal
 * that end in silence.
 */
export function answersFrom(input: CommandInput<AnswerFlags>): Answers {
  const { flags, interactive, say } = input;
  return {
    plan: async (question) => {
      const { environment, address } = question.target;
      assertRightName(flags, address.database);
      say(planText(question));
      if (environment.confirm === 'never') return true;
      const wantsName = environment.confirm === 'twice';
      const answered = flags.yes === true && (!wantsName || flags.confirm !== undefined);
      if (!answered && !interactive) {
        throw nobodyToAsk({
          whether: `${environment.name} may be changed`,
          command: `drydock apply ${environment.name} ${flagsFor(question.target, wantsName)}`,
        });
      }
      const asked = `Apply this plan to ${environment.name}?`;
      if (flags.yes !== true) return askYes(asked);
      say(`${asked}  yes, by --yes`);
      return true;
    },
    final: async (question) => {
      const { database } = question.target.address;
      say(finalText(question));
      const asked = `Type the name of the database to change it (${database})`;
      if (flags.confirm !== database) return (await askText(asked)) === database;
      say(`${asked}\n  ${database}, by --confirm`);
      return true;
    },
  };
}

/** Answers for a command that only writes down what a person has decided. */
export function decisionAnswerFrom(
  input: CommandInput<AnswerFlags>,
  retype: string,
): (target: Target, question: string) => Promise<boolean> {
  const { flags, interactive } = input;
  return async ({ environment, address }, question) => {
    assertRightName(flags, address.database);
    const wantsName = environment.confirm === 'twice';
    if (environment.confirm === 'never') return true;
    if (flags.yes === true && (!wantsName || flags.confirm !== undefined)) return true;
    if (!interactive) {
      throw nobodyToAsk({
        whether: `this may be done to ${environment.name}`,
        command: `${retype} ${flagsFor({ environment, address }, wantsName)}`,
      });
    }
    return askYes(question);
  };
}

/** What a command asks before it changes an environment for good. */
export interface ChangeQuestion {
  readonly target: Target;
  /** What is shown before. */
  readonly shown: string;
  /** What is to be decided, after "whether". */
  readonly whether: string;
  /** The question where yes is enough. */
  readonly asked: string;
  /** What typing the name of the database does, after "to". */
  readonly named: string;
  /** The command as it was typed, without its answers. */
  readonly retype: string;
}

/** The answer to one question: by flags, or by a person, who types the name where it is guarded. */
export async function answerToChange(
  { flags, interactive, say }: CommandInput<AnswerFlags>,
  { target, shown, whether, asked, named, retype }: ChangeQuestion,
): Promise<boolean> {
  const { environment, address } = target;
  const { database } = address;
  assertRightName(flags, database);
  say(shown);
  const wantsName = environment.guarded;
  if (flags.yes === true && (!wantsName || flags.confirm === database)) return true;
  if (!interactive) {
    throw nobodyToAsk({ whether, command: `${retype} ${flagsFor(target, wantsName)}` });
  }
  return wantsName
    ? (await askText(`Type the name of the database to ${named} (${database})`)) === database
    : askYes(asked);
}

/** The flags that answer in a person's place. */
export function flagsFor({ address }: Target, wantsName: boolean): string {
  return wantsName ? `--yes --confirm ${address.database}` : '--yes';
}

/**
 * The failure where nobody can be asked. It speaks to programs and agents too, who read it.
 *
 * @param question with `whether`, what a person would decide, and `command`, which says yes to it
 */
export function nobodyToAsk({
  whether,
  command,
}: {
  readonly whether: string;
  readonly command: string;
}): Failure {
  return new Failure({
    code: 'usage/nobody-to-ask',
    message: `there is no terminal to ask whether ${whether}, and no program or agent may decide that by itself`,
    hint: `A person decides it at a terminal, or gives a program this very command: ${command}`,
  });
}

/** Asks a yes-or-no question at the terminal. */
export async function askYes(message: string): Promise<boolean> {
  const { confirm, isCancel } = await import('@clack/prompts');
  const answer = await confirm({ message, initialValue: false });
  if (isCancel(answer)) throw interrupted();
  return answer;
}

/** Asks for a text at the terminal. */
export async function askText(message: string): Promise<string> {
  const { text, isCancel } = await import('@clack/prompts');
  const answer = await text({ message });
  if (isCancel(answer)) throw interrupted();
  return answer.trim();
}

function planText({ target, plan, findings, gates, notKept }: PlanQuestion): string {
  const count = (severity: Finding['severity']): number =>
    findings.filter((finding) => finding.severity === severity).length;
  const { confirm, guarded } = target.environment;
  // Where nobody is asked and no gate judges, nothing was checked.
  const isChecked = guarded || confirm !== 'never';
  return [
    '',
    `Plan for ${target.environment.name}  ${shortDigest(plan.digest)}`,
    `  ${target.address.label}`,
    renderPlan(plan),
    ...notKeptLines(notKept).map((line) => `  ${line}`),
    ...(isChecked
      ? [
          `  check: ${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')} (drydock check shows them)`,
        ]
      : []),
    ...(gates.length === 0 ? [] : ['', renderGates(gates)]),
    '',
  ].join('\n');
}

function finalText({ target, backup, rehearsal }: FinalQuestion): string {
  return [
    '',
    renderRehearsal(rehearsal),
    '',
    `Backup    ${backup.name}, ${formatBytes(backup.sizeBytes)}`,
    `Way back  restored and compared just now in ${formatDuration(backup.restoreMs)}`,
    `Target    ${target.environment.name}, ${target.address.label}`,
    '',
  ].join('\n');
}

/**
 * Refuses a name that was given for the database and is not the one.
 *
 * @throws `usage/wrong-database-name`
 */
export function assertRightName({ confirm }: AnswerFlags, database: string): void {
  if (confirm === undefined || confirm === database) return;
  throw new Failure({
    code: 'usage/wrong-database-name',
    message: `--confirm ${confirm} is not the name of the database, ${database}`,
    hint: `Look at the address once more; when it is right: --confirm ${database}`,
  });
}
