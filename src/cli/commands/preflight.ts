import { resolve } from 'node:path';
import { exitCodes } from '../exit-code.ts';
import { renderPreflight } from '../render/gates.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument, gateFlags, migrationArgument } from './arguments.ts';

interface Flags {
  readonly waive?: readonly string[];
  readonly toldBy?: string;
  readonly notify?: boolean;
}

export const preflight: Verb = verb<Flags>({
  name: 'preflight',
  brief: 'Show the checklist: every gate of an environment, as it stands now',
  description:
    'Judges every line of the pre-production checklist for the pending migrations and says how to open what is closed. Reads only, unless --notify or --told-by records that the team knows. Exit 5 when a gate is closed; a proven backup does not count, as `drydock apply` takes one itself.',
  args: [environmentArgument, migrationArgument],
  flags: {
    ...gateFlags,
    notify: { kind: 'switch', brief: 'Tell the team now, by the webhooks of the configuration' },
  },
  run: async ({ project, flags, cwd }, environment = '', file) => {
    const { judgePromotion } = await import('../../safe-change.ts');
    const { closedGates, parseWaiver } = await import('../../promotion/judge.ts');
    const opened = await project();
    const judged = await judgePromotion(opened, {
      environment,
      file: file?.includes('/') ? resolve(cwd, file) : file,
      waivers: (flags.waive ?? []).map((text) => parseWaiver(text, opened.actor.who)),
      toldBy: flags.toldBy,
      notify: flags.notify === true,
    });
    const closed = closedGates(judged.gates, 'before').length > 0;
    return {
      data: { environment, plan: judged.plan.digest, gates: judged.gates },
      text: renderPreflight(environment, judged),
      exit: closed ? exitCodes.gateClosed : exitCodes.done,
    };
  },
});
