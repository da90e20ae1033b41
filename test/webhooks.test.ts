// What a team's channel is told, in the shape of its receiver: before and after an apply, when it fails, and
// when the monitoring turns red.

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import { type CommandProject, commandProject, drydockJson } from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';

interface Message {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const shapes = ['json', 'slack', 'teams', 'discord'] as const;
const key = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

let receiver: Server;
let status = 200;
let messages: Record<string, Message[]>;
let database: TestDatabase;
let project: CommandProject;

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const shape = request.url?.slice(1) ?? '';
      if (shape === 'health') response.statusCode = status;
      else messages[shape]?.push({ headers: request.headers, body });
      response.end();
    });
  });
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  const base = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  database = await testDatabase({ sql: 'CREATE TABLE users (id int PRIMARY KEY)' });
  project = await commandProject({
    databases: { production: database.address.connectionString() },
    rules: {
      production: {
        guarded: true,
        confirm: 'never',
        health: `${base}/health`,
        monitor: { redInARow: 1 },
        notify: shapes.map((kind) => ({
          webhook: `${base}/${kind}`,
          kind,
          secret: { env: 'WEBHOOK_SECRET' },
        })),
      },
    },
    migrations: { '001_age.sql': '-- Age.\nALTER TABLE users ADD COLUMN IF NOT EXISTS age int;\n' },
  });
});

beforeEach(() => {
  messages = Object.fromEntries(shapes.map((shape) => [shape, []]));
});

afterAll(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await project[Symbol.asyncDispose]();
  await database.drop();
});

async function drydock(...args: string[]): Promise<number> {
  const variables = { WEBHOOK_SECRET: `whsec_${key}` };
  return (await drydockJson(project, args, variables)).exit;
}

/** The title that each receiver was shown, in the order of the messages, and whether all were signed. */
function told(): readonly string[] {
  const titles = {
    json: (body: string) => {
      const { environment, event } = JSON.parse(body);
      return `${environment}: ${event}`;
    },
    slack: (body: string) => /^\*(.*)\*$/m.exec(JSON.parse(body).text)?.[1],
    teams: (body: string) => JSON.parse(body).attachments[0].content.body[0].text,
    discord: (body: string) => /^\*\*(.*)\*\*$/m.exec(JSON.parse(body).content)?.[1],
  };
  const all = shapes.map((shape) => (messages[shape] ?? []).map(({ body }) => titles[shape](body)));
  for (const { headers, body } of Object.values(messages).flat()) {
    const signed = [headers['webhook-id'], headers['webhook-timestamp'], body].join('.');
    const hmac = createHmac('sha256', Buffer.from(key, 'base64')).update(signed);
    expect(headers['webhook-signature']).toBe(`v1,${hmac.digest('base64')}`);
  }
  for (const titlesOfOne of all) expect(titlesOfOne).toEqual(all[0]);
  return all[0] ?? [];
}

it('Slack, Teams, Discord and a plain receiver are told before an apply and when it fails', async () => {
  await using other = await connect(database.address, { purpose: 'test' });
  await other.execute('BEGIN; SELECT * FROM users');
  expect(await drydock('apply', 'production', '--lock-patience', '300ms')).toBe(10);
  expect(told()).toEqual(['production: apply begins', 'production: apply failed']);
});

it('they are told when it is done', async () => {
  // The plan is the one that they were told of.
  expect(await drydock('apply', 'production')).toBe(0);
  expect(told()).toEqual(['production: apply done']);
});

it('they are told of a red monitor, and that it is green again', async () => {
  status = 503;
  expect(await drydock('monitor', 'production', '--once')).toBe(9);
  status = 200;
  expect(await drydock('monitor', 'production', '--once')).toBe(0);
  expect(told()).toEqual(['production: monitor red', 'production: monitor green']);
});
