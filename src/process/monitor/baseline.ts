// The baseline of a change: how the database was when the change began. What was over a limit then is not the
// change's doing.

import { Failure, messageOf } from '../../core/failure.ts';
import { asBaseline, lookAt, sampleOf } from '../../health/look.ts';
import { recordSample } from '../../history/health-samples.ts';
import { connect } from '../../postgres/connect.ts';
import type { Project, Target } from '../project.ts';

/** Keeps a baseline. One that cannot be had does not stop the change: the monitoring takes its own. */
export async function keepBaseline(
  { context }: Project,
  { environment, address }: Target,
  migrations: readonly string[],
): Promise<void> {
  const look = await lookAt(context, environment);
  const { database } = look;
  try {
    if ('problem' in database) throw new Error(database.problem);
    const measure = { limits: environment.monitor.limits, baseline: database.figures };
    const word = `before ${migrations.join(', ')}`;
    await using session = await connect(address, { purpose: 'health' });
    await recordSample(session, asBaseline(sampleOf(look, measure), database.figures, word));
  } catch (failure) {
    if (failure instanceof Failure && failure.code === 'interrupted') throw failure;
    const text = `no baseline for the monitoring: ${messageOf(failure)}`;
    context.emit({ kind: 'note', text });
  }
}
