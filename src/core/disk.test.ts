import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { throwIfInterrupted } from './context.ts';
import { roomIn, whileThereIsRoom } from './disk.ts';
import { run } from './process.ts';

it('work is stopped before a disk is full', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'disk-'));
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'none', folder]);
  if (mounted.exitCode !== 0) {
    await rm(folder, { recursive: true });
    context.skip('only root may mount a small disk here');
    return;
  }
  try {
    const { signal } = new AbortController();
    const filling = whileThereIsRoom({
      folder: () => folder,
      signal,
      work: async (whileRoom) => {
        await using file = await open(join(folder, 'file'), 'w');
        const size = 8 * 1024 ** 2 - 100_000;
        await file.writeFile(Buffer.alloc(size));
        for (;;) {
          throwIfInterrupted(whileRoom);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
      full: (freeBytes) => new Error(`stopped with ${freeBytes} free`),
    });
    await expect(filling).rejects.toThrow(/stopped with \d+ free/);
  } finally {
    await run('umount', [folder]);
    await rm(folder, { recursive: true });
  }
});

it('room that cannot be seen stops nothing', async () => {
  expect(await roomIn('/no/such/folder')).toBeUndefined();
  const { signal } = new AbortController();
  const full = (): Error => new Error('never');
  const filling = { folder: () => undefined, signal, work: async () => 'done', full };
  expect(await whileThereIsRoom(filling)).toBe('done');
});
