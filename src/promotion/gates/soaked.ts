// "Tested in staging for 24+ hours": the same content has been there for the whole time, the schema is
// as the apply left it, and no health sample was red.

import { formatDuration } from '../../core/duration.ts';
import { closed, type Gate, open } from '../gate.ts';
import { missingFrom, rowsOf } from '../migrations-in-force.ts';

export const soaked: Gate = {
  id: 'soaked',
  title: 'Tested in staging for 24+ hours',
  judge: ({ environment, before, migrations, now }) => {
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
    const red = before.samples.filter((sample) => !sample.healthy).at(-1);
    const applied = rowsOf(before.ledger, migrations).map((row) => row.appliedAt.getTime());
    const since = Math.max(...applied, red?.at.getTime() ?? 0);
    // What a file tells ends with its writing.
    const soakedMs = (before.seenAt ?? now).getTime() - since;
    const how = [
      red === undefined ? '' : ' (counted from the last red health sample)',
      before.seenAt === undefined ? '' : ' (by a signed file of evidence)',
    ].join('');
    return soakedMs >= environment.soakMs
      ? open(
          `${formatDuration(soakedMs)} in ${before.name}, ${formatDuration(environment.soakMs)} wanted${how}`,
        )
      : closed(
          `${formatDuration(soakedMs)} of ${formatDuration(environment.soakMs)} in ${before.name}${how}`,
          `wait ${formatDuration(environment.soakMs - soakedMs)}`,
        );
  },
};
