import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Secret, type Webhook } from '../config/environment.ts';
import { kindOf, messageFor } from './message.ts';
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

interface Received {
  body: string;
  headers: IncomingHttpHeaders;
}

async function webhook(status: number, received: Partial<Received> = {}): Promise<Webhook> {
  const listening = createServer((request, response) => {
    received.headers = request.headers;
    received.body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      received.body += text;
    });
    request.on('end', () => response.writeHead(status).end());
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  return { url: new Secret(`http://127.0.0.1:${port}/hooks/s3cret`) };
}

describe('telling people', () => {
  it('sends the notice as JSON', async () => {
    const received: Partial<Received> = {};
    const [delivery] = await notify([await webhook(200, received)], notice);
    expect(delivery?.delivered).toBe(true);
    expect(JSON.parse(received.body ?? '')).toEqual(notice);
    expect(received.headers).not.toHaveProperty('webhook-signature');
  });

  it('says that a message did not arrive, without the secret of its address', async () => {
    const refused = await webhook(500);
    const nobody = { url: new Secret('http://127.0.0.1:1/hooks/s3cret') };
    const wrong = { url: new Secret('hooks/s3cret') };
    const deliveries = await notify([refused, nobody, wrong], notice);
    expect(deliveries.map(({ delivered }) => delivered)).toEqual([false, false, false]);
    expect(JSON.stringify(deliveries)).not.toContain('s3cret');
  });

  it('signs the very bytes that it sends, so that the receiver can tell who sent them', async () => {
    const received: Partial<Received> = {};
    const key = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const kind = 'slack' as const;
    const secret = new Secret(`whsec_${key}`);
    await notify([{ ...(await webhook(200, received)), kind, secret }], notice);
    const { headers = {}, body } = received;
    const signed = [headers['webhook-id'], headers['webhook-timestamp'], body].join('.');
    const hmac = createHmac('sha256', Buffer.from(key, 'base64')).update(signed);
    expect(headers['webhook-signature']).toBe(`v1,${hmac.digest('base64')}`);
    expect(Number(headers['webhook-timestamp'])).toBeGreaterThan(1_700_000_000);
    expect(body).toContain('*production: apply begins*');
  });
});

describe('the shape of a message', () => {
  it.each([
    ['https://hooks.slack.com/services/T0/B0/x', 'slack'],
    ['https://discord.com/api/webhooks/1/x', 'discord'],
    ['https://team.webhook.office.com/webhookb2/x', 'teams'],
    ['https://prod-1.westeurope.logic.azure.com/workflows/x', 'teams'],
    ['https://notslack.com.example.org/x', 'json'],
    ['nothing', 'json'],
  ])('is that of the receiver: %s', (url, kind) => {
    expect(kindOf(url)).toBe(kind);
  });

  const hostile = { ...notice, text: '@everyone <!channel> & more' };

  it('of Slack mentions nobody', () => {
    expect(messageFor('slack', hostile)).toEqual({
      text: '*production: apply begins*\n@everyone &lt;!channel&gt; &amp; more',
    });
  });

  it('of Discord mentions nobody and is not too long', () => {
    const long = messageFor('discord', { ...hostile, text: 'x'.repeat(5_000) });
    expect(long).toMatchObject({ allowed_mentions: { parse: [] } });
    expect((long as { content: string }).content).toHaveLength(2_000);
  });

  it('of Teams is a card', () => {
    const body = [{ text: 'production: apply begins' }, { text: hostile.text }];
    expect(messageFor('teams', hostile)).toMatchObject({
      type: 'message',
      attachments: [{ content: { type: 'AdaptiveCard', body } }],
    });
  });
});
