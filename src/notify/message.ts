// The message of a webhook in the shape that its receiver understands.

import type { WebhookKind } from '../config/environment.ts';

/** What people are told. */
export interface Notice {
  /** What happens: `apply begins`, `apply done`, `apply failed`. */
  readonly event: string;
  readonly environment: string;
  /** One sentence for people. */
  readonly text: string;
}

// Discord takes no more characters (its documentation, "Execute Webhook").
const discordLimit = 2_000;

/** The receiver that an address belongs to, by its host; `json` for everybody else. */
export function kindOf(url: string): WebhookKind {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  if (/(^|\.)slack\.com$/.test(host)) return 'slack';
  if (/(^|\.)discord(app)?\.com$/.test(host)) return 'discord';
  if (/(^|\.)(office\.com|logic\.azure\.com|powerplatform\.com)$/.test(host)) return 'teams';
  return 'json';
}

/** The body of a message. */
export function messageFor(kind: WebhookKind, notice: Notice): object {
  const title = `${notice.environment}: ${notice.event}`;
  switch (kind) {
    case 'json':
      return notice;
    case 'slack':
      return { text: `*${escapeSlack(title)}*\n${escapeSlack(notice.text)}` };
    case 'discord':
      return {
        content: `**${title}**\n${notice.text}`.slice(0, discordLimit),
        // A migration called @everyone wakes nobody.
        allowed_mentions: { parse: [] },
      };
    case 'teams':
      return {
        type: 'message',
        attachments: [
          {
            contentType: 'application/vnd.microsoft.card.adaptive',
            content: {
              $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
              type: 'AdaptiveCard',
              version: '1.4',
              body: [
                { type: 'TextBlock', weight: 'Bolder', wrap: true, text: title },
                { type: 'TextBlock', wrap: true, text: notice.text },
              ],
            },
          },
        ],
      };
  }
}

// The three characters that Slack reads as markup of its own (its documentation, "Formatting text").
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
