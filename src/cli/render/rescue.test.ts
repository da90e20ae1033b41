import { expect, it } from 'vitest';
import { Address } from '../../postgres/address.ts';
import type { RescueQuestion } from '../../process/rescuing.ts';
import { renderRescueQuestion } from './rescue.ts';

function asked(behindMs: number): string {
  const question = {
    target: {
      environment: { name: 'production' },
      address: Address.parse('postgresql://owner@db/shop'),
    },
    run: { backup: 'pre.dump', begunAt: new Date('2026-11-27T10:00:00'), limits: [] },
    played: 5,
    behindMs,
    comparison: { rows: 5, explained: 0, unexplained: [], notCompared: [] },
    salvaged: [],
    broken: 'shop_broken',
  };
  return renderRescueQuestion(question as unknown as RescueQuestion).replace(/\s+/g, ' ');
}

it('the question before a rescue says for how long writes pause', () => {
  expect(asked(200)).toContain('writes pause for a moment and all sessions end');
  expect(asked(12_000)).toContain(
    'writes pause for about 12.0 s, as they come as fast as they are played',
  );
});
