// The baseline of a change: how the database was when the change began. What was over a limit then is not the
// change's doing.

import { Failure, messageOf } from '../../core/failure.ts';
import { asBaseline, lookAt, sampleOf } from '../../health/look.ts';
import { recordSample } from '../../history/health-samples.ts';
import { readBaseline } from '../../history/watched.ts';
import { connect } from '../../postgres/connect.ts';
import { serverTime } from '../../postgres/server-time.ts';
import { type Project, reading, type Target } from '../project.ts';

/**
 * Keeps a baseline. One that cannot be had does not stop the change: the monitoring takes its own.
 *
 * @param change what comes: names of migrations, or `deploy 1a2b3c4`
 */
export async function keepBaseline(
  { context }: Project,
  { environment, address }: Target,
  change: string,
): Promise<void> {
  const look = await lookAt(context, environment);
  const { database } = look;
  try {
    if ('problem' in database) throw new Error(database.problem);
    const measure = { limits: environment.monitor.limits, baseline: database.figures };
    const word = `before ${change}`;
    await using session = await connect(address, { purpose: 'health' });
    await recordSample(session, asBaseline(sampleOf(look, measure), database.figures, word));
  } catch (failure) {
    if (failure instanceof Failure && failure.code === 'interrupted') throw failure;
    const text = `no baseline for the monitoring: ${messageOf(failure)}`;
    context.emit({ kind: 'note', text });
  }
}

/**
 * Keeps a baseline unless there is one of the time that the monitoring looks back: a release after a
 * migration is judged by how things were before both, else it would cover what the migration has done.
 */
export async function keepBaselineIfNone(
  project: Project,
  target: Target,
  change: string,
): Promise<void> {
  const { forMs } = target.environment.monitor;
  const known = await reading(project, target, async (database) => {
    const now = await serverTime(database);
    return await readBaseline(database, new Date(now.getTime() - forMs));
  });
  if (known === undefined) await keepBaseline(project, target, change);
}
