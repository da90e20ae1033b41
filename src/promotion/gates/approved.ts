// As many other people as the configuration asks have approved this very plan for this very database.

import { closed, type Gate, open } from '../gate.ts';

export const approved: Gate = {
  id: 'approved',
  title: 'Approved by others',
  judge: ({ environment: { name, approvals }, approvedBy }) => {
    if (approvals.count === 0) return open('the configuration asks for no approvals');
    const by = approvedBy.join(', ');
    return approvedBy.length >= approvals.count
      ? open(`approved by ${by}`)
      : closed(
          `${approvedBy.length} of ${approvals.count} approvals of this plan${by === '' ? '' : `: ${by}`}`,
          `somebody else types: drydock approve ${name}`,
        );
  },
};
