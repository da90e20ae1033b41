// What the monitoring takes back by itself: only where the configuration said so beforehand, and only by a way
// that loses no write and that nothing speaks against. People are told in any case.

import { messageOf } from '../../core/failure.ts';
import type { Project, Target } from '../project.ts';
import { type RecoverHands, type RecoverReport, recoverEnvironment } from '../recover.ts';
import { tell } from '../team-notice.ts';
import type { JudgedWay } from '../ways-back/way.ts';

/** Answers an incident that has just begun. What fails here is told, and the watching goes on. */
export async function actByItself(project: Project, target: Target): Promise<void> {
  const { name, monitor } = target.environment;
  const { onRed } = monitor;
  if (onRed === undefined) return;
  let whyNot = '';
  const hands: RecoverHands = {
    choose: async ({ ways }) => {
      whyNot = whyNotTaken(ways.find((way) => way.name === onRed)) ?? '';
      return whyNot === '' ? onRed : undefined;
    },
    confirm: async () => true,
    confirmChange: async () => true,
    confirmSwap: async () => false,
    tables: async () => [],
  };
  const text = await recoverEnvironment(project, name, hands).then(
    ({ taken }) => sentence(name, taken, `${onRed} was not taken: ${whyNot}`),
    (failure: unknown) => `${name}: ${onRed} failed: ${messageOf(failure)}`,
  );
  project.context.emit({ kind: 'note', text });
  await tell(project, target, 'monitor acted', text);
}

/** Why a way is left to a person; undefined when it may be taken without one. */
export function whyNotTaken(way: JudgedWay | undefined): string | undefined {
  if (way === undefined) return 'there is no such way';
  const { byHand, judgement } = way;
  if (!judgement.possible) return judgement.whyNot;
  if (byHand) return 'it is done by hand';
  if (judgement.loss.rows !== 0) return judgement.loss.sentence;
  return judgement.doubt ?? undefined;
}

function sentence(name: string, taken: RecoverReport['taken'], otherwise: string): string {
  if (taken === null) return `${name}: ${otherwise}. Next: drydock recover ${name}`;
  const health =
    taken.health === null
      ? ''
      : `; the application is ${taken.health.healthy ? 'healthy' : 'NOT healthy'}`;
  return `${name}: ${taken.did.join('; ')}, by itself${health}`;
}
