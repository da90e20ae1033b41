// Live traffic against the application, and an honest account of it:
//   npm run traffic -- --url http://127.0.0.1:3002 --seconds 60 --acknowledged writes.txt
// A line each second goes to standard error, the account as JSON to standard output. Ctrl-C ends it.

import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:3000' },
    clients: { type: 'string', default: '4' },
    users: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    'pause-ms': { type: 'string', default: '20' },
    acknowledged: { type: 'string' },
  },
});
const users = Number(values.users);
const startedAt = performance.now();
const endsAt = startedAt + Number(values.seconds) * 1_000;
const agent = new Agent({ keepAlive: true });
const acknowledged = values.acknowledged
  ? createWriteStream(values.acknowledged, { flags: 'a' })
  : undefined;

interface Account {
  requests: number;
  failures: number;
  retries: number;
  acknowledgedWrites: number;
  worstMs: number;
}

const emptyAccount = (): Account => ({
  requests: 0,
  failures: 0,
  retries: 0,
  acknowledgedWrites: 0,
  worstMs: 0,
});
const total = emptyAccount();
let second = emptyAccount();
const failuresByStatus: Record<string, number> = {};

interface Action {
  readonly method: 'GET' | 'PUT';
  readonly path: string;
  readonly body?: object;
  /** The table and the id of the row that must exist once this was answered. */
  readonly writes?: string;
}

let isStopped = false;
const stop = (): void => {
  isStopped = true;
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

const ticker = setInterval(() => {
  const { requests, failures, retries, worstMs } = second;
  const elapsed = Math.round((performance.now() - startedAt) / 1_000);
  second = emptyAccount();
  console.error(
    `${elapsed} s: ${requests} requests, ${failures} failed, ${retries} retries, worst ${worstMs} ms`,
  );
}, 1_000);
await Promise.all(Array.from({ length: Number(values.clients) }, client));
clearInterval(ticker);
agent.destroy();
await new Promise<void>((resolve) => (acknowledged ? acknowledged.end(resolve) : resolve()));
const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
console.log(JSON.stringify({ ...total, failuresByStatus, seconds }));

async function client(): Promise<void> {
  while (!isStopped && performance.now() < endsAt) {
    await perform(chooseAction());
    await sleep(Number(values['pause-ms']));
  }
}

function chooseAction(): Action {
  const user = `user-${1 + Math.floor(Math.random() * users)}`;
  const dice = Math.random();
  if (dice < 0.5) return { method: 'GET', path: `/api/users/${user}/homework` };
  if (dice < 0.75) return { method: 'GET', path: `/api/users/${user}` };
  const id = randomUUID();
  return dice < 0.85
    ? {
        method: 'PUT',
        path: `/api/sessions/${id}`,
        body: { user_id: user },
        writes: `sessions ${id}`,
      }
    : {
        method: 'PUT',
        path: `/api/homework/${id}`,
        body: { user_id: user, subject: 'Mathematics', title: `Exercise of ${user}` },
        writes: `homework ${id}`,
      };
}

async function perform(action: Action): Promise<void> {
  const askedAt = performance.now();
  const status = await sendPatiently(action);
  const ms = Math.round(performance.now() - askedAt);
  // A limit that the application itself sets (403) is an answer.
  const hasFailed = status === 0 || (status >= 400 && status !== 403);
  for (const account of [total, second]) {
    account.requests += 1;
    account.worstMs = Math.max(account.worstMs, ms);
    if (hasFailed) account.failures += 1;
    if (status === 200 && action.writes) account.acknowledgedWrites += 1;
  }
  if (hasFailed) failuresByStatus[status] = (failuresByStatus[status] ?? 0) + 1;
  if (status === 200 && action.writes) {
    acknowledged?.write(`${new Date().toISOString()} ${action.writes}\n`);
  }
}

// As a load balancer does: a connection that is refused or breaks is tried again. GET and PUT may be
// sent twice (RFC 9110, section 9.2.2). The answer is the status, or 0 for none.
async function sendPatiently(action: Action): Promise<number> {
  const deadline = performance.now() + 5_000;
  for (;;) {
    try {
      return await send(action);
    } catch {
      if (performance.now() > deadline) return 0;
      total.retries += 1;
      second.retries += 1;
      await sleep(20);
    }
  }
}

function send({ method, path, body }: Action): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(path, values.url),
      { method, agent, timeout: 10_000, headers: { 'content-type': 'application/json' } },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
        response.once('error', reject);
      },
    );
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
