// "Tested in staging for 24+ hours": the same content has been there for the whole time, the schema is
// as the apply left it, and somebody looked often enough and saw nothing red.

import { formatDuration } from '../../core/duration.ts';
import { closed, type Gate, open, type Verdict } from '../gate.ts';
import { lastAppliedAt, missingFrom, rowsOf } from '../migrations-in-force.ts';
import { type Soak, type SoakRule, soakOf } from '../soak.ts';

export const soaked: Gate = {
  id: 'soaked',
  title: 'Tested in staging for 24+ hours',
  judge: ({ environment, before, migrations, aheadMs }) => {
    if (environment.after === undefined) return open('there is no environment before this one');
    if (before === null) {
      return closed(
        `${environment.after} could not be read`,
        `drydock status ${environment.after}; or where it can be reached, drydock evidence export ${environment.after} -o FILE --key KEY, and here drydock evidence import FILE`,
      );
    }
    const missing = missingFrom(before.ledger, migrations);
    if (missing.length > 0) {
      return closed(
        `not in force in ${before.name} with this content: ${missing.join(', ')}`,
        `drydock apply ${before.name}`,
      );
    }
    if (
      before.fingerprintAfterApply !== undefined &&
      before.fingerprintAfterApply !== before.fingerprint
    ) {
      return closed(
        `the schema of ${before.name} was changed by hand since the apply`,
        `take the change back, or accept it: drydock adopt ${before.name} --reason "why"`,
      );
    }
    if (environment.soakMs === 0) return open(`in force in ${before.name}, no soak is wanted`);
    const since = lastAppliedAt(rowsOf(before.ledger, migrations));
    const soak = soakOf(before, { since, rule: environment, aheadMs });
    return verdict(soak, environment, before.isSignedFile === true);
  },
};

function verdict(soak: Soak, rule: SoakRule, isSigned: boolean): Verdict {
  const { environment: name, soakedMs, wantedMs, leftMs, since } = soak;
  const look = `drydock health ${name}; and so that looks go on: drydock monitor ${name}`;
  if (since === null) return closed(whyItStands(soak, rule), look);
  const how = `${whyLater(soak)}${isSigned ? ' (by a signed file of evidence)' : ''}`;
  return leftMs === 0
    ? open(`${formatDuration(soakedMs)} in ${name}, ${formatDuration(wantedMs)} wanted${how}`)
    : closed(
        `${formatDuration(soakedMs)} of ${formatDuration(wantedMs)} in ${name}${how}`,
        `wait ${formatDuration(leftMs)}, and let somebody look meanwhile: drydock monitor ${name}`,
      );
}

function whyItStands(soak: Soak, { soakGapMs }: SoakRule): string {
  const { environment: name, brokenBy, lastLookAt } = soak;
  const again = 'the time starts again with the next healthy look';
  if (lastLookAt === null) return `nobody has looked at ${name} since the apply`;
  if (brokenBy === 'changed')
    return `the schema of ${name} was changed by hand, or a backup was restored: ${again}`;
  if (brokenBy === 'unhealthy') return `${name} was not healthy at the last look: ${again}`;
  return `nobody has looked at ${name} for more than ${formatDuration(soakGapMs)}: ${again}`;
}

function whyLater({ brokenBy }: Soak): string {
  if (brokenBy === null) return '';
  const after = {
    unhealthy: 'the last red health sample',
    changed: 'the schema was changed by hand, or a backup was restored',
    unseen: 'a time in which nobody looked',
  } as const;
  return ` (counted from the first healthy look after ${after[brokenBy]})`;
}
