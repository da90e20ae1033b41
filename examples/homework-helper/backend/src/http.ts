// The little that this backend needs of a web framework: routes as data, JSON in and out.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Database, isConnectionLoss } from './database.ts';

export interface Call {
  readonly database: Database;
  /** The parts of the path that the route names: `:id`. */
  readonly params: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

/** Routes by method and path: `GET /api/users/:id`. */
export type Routes = Readonly<Record<string, (call: Call) => Promise<Reply>>>;

/** An answer that is the caller's to correct. */
export class Problem extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A text that the body must have. */
export function text(body: Call['body'], field: string): string {
  const value = body[field];
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw new Problem(400, `${field} is missing`);
}

/** Answers a request by the first route that fits. */
export function answerBy(
  routes: Routes,
  database: Database,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const table = Object.entries(routes).map(([route, handle]) => ({ ...compile(route), handle }));
  return async (request, response) => {
    const [pathname = '/'] = (request.url ?? '/').split('?', 1);
    try {
      for (const { method, path, handle } of table) {
        const match = request.method === method ? path.exec(pathname) : null;
        if (match === null) continue;
        const params = Object.fromEntries(
          Object.entries(match.groups ?? {}).map(([name, value]) => [
            name,
            decodeURIComponent(value),
          ]),
        );
        send(response, await handle({ database, params, body: await readBody(request) }));
        return;
      }
      send(response, { status: 404, body: { error: 'there is nothing here' } });
    } catch (error) {
      send(response, replyTo(error));
    }
  };
}

export function send(response: ServerResponse, { status, body }: Reply): void {
  response.statusCode = status;
  if (body === undefined) {
    response.end();
    return;
  }
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.end(`${JSON.stringify(body)}\n`);
}

function compile(route: string): { method: string; path: RegExp } {
  const [method = '', pattern = ''] = route.split(' ');
  return { method, path: new RegExp(`^${pattern.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`) };
}

const maxBodyBytes = 100_000;

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new Problem(413, 'the body is too large');
    chunks.push(chunk);
  }
  if (size === 0) return {};
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  } catch {
    // Told below.
  }
  throw new Problem(400, 'the body is not a JSON object');
}

function replyTo(error: unknown): Reply {
  if (error instanceof Problem) return { status: error.status, body: { error: error.message } };
  if (error instanceof URIError) return { status: 400, body: { error: 'the path is not valid' } };
  const { code, message } = error as { code?: string; message: string };
  // Values that the database's own rules refuse (PostgreSQL manual, appendix A, classes 22 and 23).
  if (code === '23505') return { status: 409, body: { error: 'that exists already' } };
  if (/^2[23]/.test(code ?? '')) return { status: 400, body: { error: 'a value is not possible' } };
  console.error(message);
  if (isConnectionLoss(error)) return { status: 503, body: { error: 'the database is away' } };
  return { status: 500, body: { error: 'this went wrong on our side' } };
}
