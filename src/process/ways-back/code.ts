// The code alone goes back; the database stays as it is.

import { detailOf, type JournalEntry, type JournalRow } from '../../history/journal.ts';
import { previousRelease } from '../../release/previous.ts';
import { rollBackRelease } from '../releases.ts';
import { newestDone, type WayEvidence } from './evidence.ts';
import { declined, type Judgement, type Way } from './way.ts';

/** The release before this one is deployed again. */
export const code: Way = {
  name: 'code',
  touchesDatabase: false,
  judge,
  drive: async (project, { environment: { name }, journal }, hands) => {
    const commit = previousRelease(journal) ?? '';
    const question = `Bring release ${commit.slice(0, 7)} back to ${name}?`;
    if (!(await hands.confirm(question))) return declined;
    const { release, health, revert } = await rollBackRelease(project, { environment: name });
    return {
      outcome: 'done',
      did: [`Release ${release.commit.slice(0, 7)} "${release.subject}" is deployed again`],
      next: revert === null ? [] : [`Take the code back in git too, when you decide so: ${revert}`],
      health,
    };
  },
};

function judge({ environment, journal, problem }: WayEvidence): Judgement {
  const { name, deploy } = environment;
  if (deploy === undefined) {
    const prepare = `give environments.${name}.deploy in the configuration`;
    return { possible: false, whyNot: `${name} has no deploy command`, prepare };
  }
  const commit = previousRelease(journal);
  if (commit === undefined) {
    const whyNot =
      problem === null
        ? 'the journal has no earlier healthy release'
        : 'the journal cannot be read';
    return { possible: false, whyNot, prepare: `drydock deploy ${name} --release COMMIT` };
  }
  const last = newestDone(journal, 'deploy', 'rollback');
  const subject = subjectOf(journal, commit);
  return {
    possible: true,
    does: `Deploys release ${commit.slice(0, 7)}${subject} again; the database stays as it is`,
    ms: last?.durationMs ?? null,
    measured: 'the last deploy',
    loss: { rows: 0, sentence: 'loses nothing' },
    doubt: doubtAbout(journal, commit),
    command: `drydock rollback ${name}`,
  };
}

function subjectOf(journal: readonly JournalRow[], commit: string): string {
  const entry = journal.find(({ entry: each }) => detailOf(each, 'release') === commit)?.entry;
  const subject = entry && detailOf(entry, 'subject');
  return subject === undefined ? '' : ` "${subject}"`;
}

// The release before ran on the schema of its time. What the rehearsal of the newest plan saw of the
// application's queries tells whether it can live with this one.
function doubtAbout(journal: readonly JournalRow[], commit: string): string | null {
  const apply = newestDone(journal, 'apply');
  const newest = newestDone(journal, 'deploy', 'rollback');
  if (apply !== undefined && newest !== undefined && newest.at < apply.at) {
    return 'nothing was deployed since the last apply: the code of now ran before it, too';
  }
  const deployed = journal.find(({ entry }) => detailOf(entry, 'release') === commit)?.entry;
  if (apply === undefined || deployed === undefined || deployed.at > apply.at) return null;
  const rehearsal = rehearsalOf(journal, apply.plan);
  const problems = rehearsal?.details?.problems;
  if (!Array.isArray(problems)) return 'it was never tried on the schema of now';
  const [first] = problems;
  return typeof first === 'string'
    ? `its queries did not all work on the new schema: ${first}`
    : null;
}

function rehearsalOf(
  journal: readonly JournalRow[],
  plan: string | undefined,
): JournalEntry | undefined {
  return journal.find(
    ({ entry }) => entry.command === 'rehearse' && entry.phase === 'done' && entry.plan === plan,
  )?.entry;
}
