import { stat } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { serverAccount } from './account.ts';
import { makeFolder, places, removeFolder } from './folder.ts';

const account = serverAccount();

it('a sandbox folder belongs to the account that runs its server, and to nobody else', async () => {
  const { path } = await makeFolder(account, 0);
  const { uid, mode } = await stat(path);
  expect(uid).toBe(account.uid ?? process.getuid?.());
  expect(mode & 0o077).toBe(0);
  await removeFolder(path, account);
});

it('a sandbox lives in memory only when that is where its folder is', async () => {
  const { path, inMemory } = await makeFolder(account, 0);
  const place = places().find((each) => path.startsWith(`${each.path}/`));
  expect(place?.inMemory).toBe(inMemory);
  await removeFolder(path, account);
});

it('data that fits nowhere is refused with the space that it needs', async () => {
  await expect(makeFolder(account, 10 ** 18)).rejects.toMatchObject({
    code: 'sandbox/no-space',
    message: expect.stringMatching(/needs .* TB/),
    hint: expect.stringContaining('TMPDIR'),
  });
});
