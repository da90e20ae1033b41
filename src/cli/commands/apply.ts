import { resolve } from 'node:path';
import { parseTime } from '../../core/clock.ts';
import { Failure } from '../../core/failure.ts';
import type { DecisionReport } from '../../process/half-done.ts';
import type { Wait } from '../../process/waiting.ts';
import { answersFrom, decisionAnswerFrom } from '../answers.ts';
import type { DryRun } from '../documents.ts';
import { dryRun } from '../dry-run.ts';
import { exitCodes } from '../exit-code.ts';
import { renderChange } from '../render/change.ts';
import { type CommandInput, type Outcome, type Verb, verb } from '../verb.ts';
import {
  answerFlags,
  environmentArgument,
  gateFlags,
  givenDuration,
  givenReason,
  lockPatienceFlag,
  migrationArgument,
  reasonFlag,
} from './arguments.ts';

interface Flags {
  readonly yes?: boolean;
  readonly confirm?: string;
  readonly waive?: readonly string[];
  readonly toldBy?: string;
  readonly lockPatience?: string;
  readonly waitForWindow?: boolean;
  readonly at?: string;
  readonly dryRun?: boolean;
  readonly resume?: boolean;
  readonly abandon?: boolean;
  readonly markApplied?: string;
  readonly reason?: string;
}

export const apply: Verb = verb<Flags>({
  name: 'apply',
  brief: 'Run the pending migrations on an environment',
  description:
    'Runs the pending migrations, each transaction with its ledger row, waiting for locks so briefly that nobody queues behind it. A guarded environment (production) is changed only through the gates, a backup that is proven by restoring it, a rehearsal on that copy and two confirmations. Without a terminal give --yes, and --confirm with the name of the database. What stopped half-way goes on by the same command; --resume, --abandon and --mark-applied are for what only a person can decide.',
  args: [environmentArgument, migrationArgument],
  flags: {
    ...answerFlags,
    ...gateFlags,
    lockPatience: lockPatienceFlag,
    waitForWindow: { kind: 'switch', brief: 'Begin when the window of the environment opens' },
    at: { kind: 'text', placeholder: 'time', brief: 'Begin at 02:30, or at 2026-11-27T02:30' },
    dryRun: { kind: 'switch', brief: 'Show the plan and the gates; change nothing' },
    resume: { kind: 'switch', brief: 'Go on half-way with a corrected file, or after a look' },
    abandon: { kind: 'switch', brief: 'Leave the rest of what stopped half-way' },
    markApplied: {
      kind: 'text',
      placeholder: 'number',
      brief: 'Count this migration as applied; run nothing of it',
    },
    reason: reasonFlag,
  },
  run: async (input, environment = '', file) => {
    const { flags, project, cwd } = input;
    const path = file === undefined ? undefined : file.includes('/') ? resolve(cwd, file) : file;
    if (flags.dryRun === true) return showOnly(input, environment, path);
    if (flags.abandon === true || flags.markApplied !== undefined)
      return decide(input, environment);
    const { applyChange } = await import('../../safe-change.ts');
    const { parseWaiver } = await import('../../promotion/judge.ts');
    const opened = await project();
    const report = await applyChange(opened, {
      environment,
      file: path,
      answers: answersFrom(input),
      waivers: (flags.waive ?? []).map((text) => parseWaiver(text, opened.actor.who)),
      toldBy: flags.toldBy,
      lockPatienceMs: givenDuration('--lock-patience', flags.lockPatience),
      resume: flags.resume,
      wait: waitOf(flags, opened.context.clock.now()),
    });
    const refused = report.outcome === 'refused' || report.outcome === 'declined';
    return {
      data: report,
      text: renderChange(report),
      exit: refused ? exitCodes.gateClosed : report.harmed ? exitCodes.unhealthy : exitCodes.done,
    };
  },
});

async function decide(
  input: CommandInput<Flags>,
  environment: string,
): Promise<Outcome<DecisionReport>> {
  const { flags, project } = input;
  const { abandonMigration, markApplied } = await import('../../process/half-done.ts');
  const { renderDecision } = await import('../render/decision.ts');
  const { markApplied: migration } = flags;
  const command = `drydock apply ${environment}`;
  const retype =
    migration === undefined ? `${command} --abandon` : `${command} --mark-applied ${migration}`;
  const why = flags.reason === undefined ? '' : ` --reason '${flags.reason}'`;
  const ask = decisionAnswerFrom(input, `${retype}${why}`);
  const report =
    migration === undefined
      ? await abandonMigration(await project(), { environment, reason: flags.reason, ask })
      : await markApplied(await project(), {
          environment,
          migration,
          reason: givenReason(flags.reason, retype),
          ask,
        });
  return {
    data: report,
    text: renderDecision(report),
    exit: report.decision === 'declined' ? exitCodes.gateClosed : exitCodes.done,
  };
}

async function showOnly(
  { project, flags }: CommandInput<Flags>,
  environment: string,
  file: string | undefined,
): Promise<Outcome<DryRun>> {
  const { preflightChange } = await import('../../process/preflight.ts');
  const { parseWaiver } = await import('../../promotion/judge.ts');
  const { renderGatesOf } = await import('../render/gates.ts');
  const { renderPlan } = await import('../render/plan.ts');
  const { notKeptLines } = await import('../render/rehearsal-way-back.ts');
  const opened = await project();
  const waivers = (flags.waive ?? []).map((text) => parseWaiver(text, opened.actor.who));
  const found = await preflightChange(opened, { environment, file, waivers, notify: false });
  return {
    data: dryRun(environment, found),
    text: [
      [renderPlan(found.plan), ...notKeptLines(found.notKept)].join('\n'),
      renderGatesOf(environment, found),
    ]
      .filter(Boolean)
      .join('\n\n'),
  };
}

function waitOf({ at, waitForWindow }: Flags, now: Date): Wait | undefined {
  const forWindow = waitForWindow === true;
  const notBefore = at === undefined ? undefined : parseTime(at, now);
  if (at !== undefined && (notBefore === undefined || notBefore < now)) {
    throw new Failure({
      code: 'usage/bad-time',
      message: `--at ${at} is not a time to come`,
      hint: 'Write a time of day on this machine, --at 02:30, or a moment, --at 2026-11-27T02:30',
    });
  }
  return notBefore !== undefined || forWindow ? { notBefore, forWindow } : undefined;
}
