// Tells people about a change: one JSON message to every webhook of an environment.

import type { Webhook } from '../config/environment.ts';
import { messageOf } from '../core/failure.ts';

/** What people are told. */
export interface Notice {
  /** What happens: `apply begins`, `apply done`, `apply failed`. */
  readonly event: string;
  readonly environment: string;
  /** One sentence for people. */
  readonly text: string;
}

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
  return Promise.all(webhooks.map((webhook) => send(webhook.url.reveal(), notice)));
}

async function send(url: string, notice: Notice): Promise<Delivery> {
  const host = URL.canParse(url) ? new URL(url).host : 'an address that is not a URL';
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(notice),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { delivered: response.ok, host, figure: String(response.status) };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    // The address is taken out: fetch repeats it, and its path may be the secret.
    return { delivered: false, host, figure: messageOf(cause).replaceAll(url, host) };
  }
}
