import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { serverAddress, testContext } from '../../test/database.ts';
import { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { dataFolder } from '../postgres/data-folder.ts';
import { refuseFullServer } from './server-room.ts';

it('a backup that would leave the server no room on a disk of both is refused, a small one is not', async () => {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  const folder = (await dataFolder(server)) ?? '';
  const context = testContext();
  await refuseFullServer(context, server, { folder, needed: 1 });
  expect(context.events).toEqual([]);
  await expect(refuseFullServer(context, server, { folder, needed: 1e18 })).rejects.toMatchObject({
    code: 'backup/server-disk-full',
    message: expect.stringContaining('with the backup on the same disk'),
    hint: expect.stringContaining(`df -h ${folder}`),
  });
});

it('where the disk of the server cannot be seen, that is said', async () => {
  await using admin = await connect(serverAddress(), { purpose: 'test' });
  await admin.execute(`CREATE ROLE short_sighted LOGIN PASSWORD 'short'`);
  const url = new URL(serverAddress().connectionString());
  url.username = 'short_sighted';
  url.password = 'short';
  {
    await using server = await connect(Address.parse(url.href), { purpose: 'test' });
    const context = testContext();
    await refuseFullServer(context, server, { folder: tmpdir(), needed: 1e18 });
    expect(context.events).toEqual([
      {
        kind: 'note',
        text: `How full the disk of ${serverAddress().host} is cannot be seen from here; a backup writes nothing there.`,
      },
    ]);
  }
  await admin.execute('DROP ROLE short_sighted');
});
