// Telling the team: before a guarded environment is changed, and what became of it.

import { type Plan, planNames } from './migration/plan.ts';
import { notify } from './notify/notify.ts';
import { doing, type Project, type Target } from './project.ts';

/**
 * Records in the journal that the team knows of this very plan: by a person's word, or by a message
 * that at least one webhook took. Without either nothing is recorded, and the gate stays closed.
 */
export async function tellTheTeam(
  project: Project,
  target: Target,
  { plan, toldBy }: { readonly plan: Plan; readonly toldBy: string | undefined },
): Promise<void> {
  const { environment } = target;
  if (toldBy === undefined && environment.notify.length === 0) return;
  await doing(project, target, { command: 'notify', changes: false }, async () => {
    const text = `${planNames(plan).join(', ')} is about to be applied to ${environment.name}`;
    const told =
      toldBy === undefined ? await tell(project, target, 'apply begins', text) : [toldBy];
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
