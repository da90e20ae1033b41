import { askYes } from '../answers.ts';
import { renderPrunePlan, renderPruning } from '../render/prune.ts';
import { type Verb, verb } from '../verb.ts';
import { answerFlags, environmentArgument } from './arguments.ts';

export const prune: Verb = verb<{ readonly yes?: boolean; readonly dryRun?: boolean }>({
  name: 'prune',
  brief: 'Remove old backups of an environment',
  description:
    'Removes the backups that are older than the configuration keeps (30 days). Always stay: the newest one, the newest proven one, the newest proven one before a migration, those whose migration is still watched, and those with a file NAME.dump.keep beside them; all stay while the newest is unproven or suspiciously small. What goes is moved to .trash and removed for good by the first run a day later. Without a terminal nothing is removed unless --yes is given.',
  args: [environmentArgument],
  flags: {
    yes: answerFlags.yes,
    dryRun: { kind: 'switch', brief: 'Say what would be removed, and remove nothing' },
  },
  run: async ({ project, flags, interactive, say }, environment = '') => {
    const { pruneBackups } = await import('../../process/clearing-up.ts');
    const pruning = await pruneBackups(await project(), {
      environment,
      confirm: async (plan) => {
        if (flags.dryRun === true) return false;
        if (flags.yes === true) return true;
        if (!interactive) return false;
        say(renderPrunePlan(plan));
        return askYes('Remove them?');
      },
    });
    const { plan, report } = pruning;
    const verdicts = plan.map(({ backup, fate, reason }) => ({ name: backup.name, fate, reason }));
    return {
      data: { environment, verdicts, report },
      text: renderPruning(environment, pruning),
    };
  },
});
