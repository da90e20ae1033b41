// Signatures of webhooks in the layout of Standard Webhooks (standardwebhooks.com): receivers have
// libraries for it in every language.

import { createHmac, randomUUID } from 'node:crypto';

/**
 * The headers that sign a body.
 *
 * @param secret as the layout writes it: `whsec_` and base64
 */
export function signatureHeaders(body: string, secret: string, at: Date): Record<string, string> {
  const id = `msg_${randomUUID()}`;
  const seconds = String(Math.floor(at.getTime() / 1_000));
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const digest = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': `v1,${digest}` };
}
