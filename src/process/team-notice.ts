// Telling the team: before a guarded environment is changed, and what became of it.

import { Failure } from '../core/failure.ts';
import { type Plan, planNames } from '../migration/plan.ts';
import { notify } from '../notify/notify.ts';
import { doing, type Project, type Target } from './project.ts';

/**
 * Records a person's word that the team knows of this very plan.
 *
 * @throws `usage/no-name`: nobody's word is no word
 */
export async function recordWord(
  project: Project,
  target: Target,
  { plan, toldBy }: { readonly plan: Plan; readonly toldBy: string },
): Promise<void> {
  const by = toldBy.trim();
  if (!/\p{L}/u.test(by)) throw nobody(toldBy);
  await doing(project, target, { command: 'notify', changes: false }, async () => ({
    result: undefined,
    plan: plan.digest,
    details: { by },
  }));
}

function nobody(given: string): Failure {
  return new Failure({
    code: 'usage/no-name',
    message: `--told-by '${given}' names nobody, and the journal keeps who gave their word`,
    hint: 'Name the person who told the team: --told-by "Ana Silva"',
  });
}

/** Tells the team by the webhooks; the journal has whether at least one took the message. */
export async function tellTheTeam(project: Project, target: Target, plan: Plan): Promise<void> {
  const { name } = target.environment;
  await doing(project, target, { command: 'notify', changes: false }, async () => {
    const text = `${planNames(plan).join(', ')} is about to be applied to ${name}`;
    const told = await tell(project, target, 'apply begins', text);
    return {
      result: undefined,
      refused: told.length === 0,
      plan: plan.digest,
      details: { by: told.join(', ') },
    };
  });
}

/** Sends a message to every webhook; returns the hosts where it arrived and notes the others. */
export async function tell(
  { context }: Project,
  { environment }: Target,
  event: string,
  text: string,
): Promise<readonly string[]> {
  const notice = { event, environment: environment.name, text };
  const deliveries = await notify(environment.notify, notice);
  for (const { delivered, host, figure } of deliveries) {
    if (!delivered) {
      context.emit({ kind: 'note', text: `The message to ${host} did not arrive: ${figure}` });
    }
  }
  return deliveries.filter(({ delivered }) => delivered).map(({ host }) => host);
}
