import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../config/environment.ts';
import { notify } from './notify.ts';

const notice = {
  event: 'apply begins',
  environment: 'production',
  text: '008 is about to be applied',
};
let server: Server | undefined;

afterEach(() => {
  server?.close();
});

async function webhook(status: number, received: string[] = []): Promise<{ url: Secret }> {
  const listening = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => received.push(text));
    request.on('end', () => response.writeHead(status).end());
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  return { url: new Secret(`http://127.0.0.1:${port}/hooks/s3cret`) };
}

describe('telling people', () => {
  it('sends the notice as JSON', async () => {
    const received: string[] = [];
    const [delivery] = await notify([await webhook(200, received)], notice);
    expect(delivery?.delivered).toBe(true);
    expect(JSON.parse(received.join(''))).toEqual(notice);
  });

  it('says that a message did not arrive, without the secret of its address', async () => {
    const refused = await webhook(500);
    const nobody = { url: new Secret('http://127.0.0.1:1/hooks/s3cret') };
    const wrong = { url: new Secret('hooks/s3cret') };
    const deliveries = await notify([refused, nobody, wrong], notice);
    expect(deliveries.map(({ delivered }) => delivered)).toEqual([false, false, false]);
    expect(JSON.stringify(deliveries)).not.toContain('s3cret');
  });
});
