import { expect, it } from 'vitest';
import { batchOptionsOf } from './batch-options.ts';

const place = { file: '008_fill.sql', line: 3 };

it('the options of a batch are read', () => {
  expect(batchOptionsOf('', place)).toEqual({ key: undefined, size: undefined, pauseMs: 20 });
  expect(batchOptionsOf('key=tenant_id,id size=500 pause=0', place)).toEqual({
    key: ['tenant_id', 'id'],
    size: 500,
    pauseMs: 0,
  });
});

it.each(['size', 'size=0', 'size=many', 'sizes=5', 'key=a,,b', 'size=5 size=6', 'by id'])(
  'an option that is not understood is told with its place: %s',
  (text) => {
    expect(() => batchOptionsOf(text, place)).toThrow(
      expect.objectContaining({
        code: 'migration/bad-batch-option',
        message: expect.stringContaining('008_fill.sql:3'),
      }),
    );
  },
);
