// Tells people about a change: one message to every webhook of an environment.

import type { Webhook } from '../config/environment.ts';
import { messageOf } from '../core/failure.ts';
import { kindOf, messageFor, type Notice } from './message.ts';
import { signatureHeaders } from './sign.ts';

/** What became of a message. */
export interface Delivery {
  readonly delivered: boolean;
  /** Host of the webhook: its path may hold a secret. */
  readonly host: string;
  readonly figure: string;
}

const timeoutMs = 5_000;

/** Sends the notice to every webhook. A message that does not arrive is a value, not an error. */
export async function notify(
  webhooks: readonly Webhook[],
  notice: Notice,
): Promise<readonly Delivery[]> {
  return Promise.all(webhooks.map((webhook) => send(webhook, notice)));
}

async function send(webhook: Webhook, notice: Notice): Promise<Delivery> {
  const url = webhook.url.reveal();
  const host = URL.canParse(url) ? new URL(url).host : 'an address that is not a URL';
  const body = JSON.stringify(messageFor(webhook.kind ?? kindOf(url), notice));
  const secret = webhook.secret?.reveal();
  const signature = secret === undefined ? {} : signatureHeaders(body, secret, new Date());
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signature },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { delivered: response.ok, host, figure: String(response.status) };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    // The address is taken out: fetch repeats it, and its path may be the secret.
    return { delivered: false, host, figure: messageOf(cause).replaceAll(url, host) };
  }
}
