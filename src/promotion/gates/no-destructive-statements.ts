// "No DROP/TRUNCATE/DELETE commands": nothing in the plan destroys data.

import { withConcern } from '../findings.ts';
import { closed, type Gate, open } from '../gate.ts';

export const noDestructiveStatements: Gate = {
  id: 'no-destructive-statements',
  title: 'No DROP/TRUNCATE/DELETE commands',
  judge: ({ findings }) => {
    const found = withConcern(findings, 'data-loss');
    return found.length === 0
      ? open('no statement destroys data')
      : closed(
          found.join('; '),
          'rename instead of dropping, or --waive no-destructive-statements="why the data is not needed"',
        );
  },
};
