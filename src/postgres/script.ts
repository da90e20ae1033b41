// Several statements in one message to the server (simple protocol; manual, 55.2.2.1). Where one fails,
// the server discards the rest of the message: a COMMIT behind it is never run.

import type { Client, Connection } from 'pg';
import { countCharacters } from './text-position.ts';

/** Why a script ended: the server's error, and the statement that met it. */
export interface ScriptFailure {
  readonly error: unknown;
  readonly statement: string;
}

/**
 * Runs statements in one message.
 *
 * @param statements each exactly one statement, without a semicolon at its end
 * @returns how many rows each one counted; null for one that counts none
 * @throws ScriptFailure
 */
export function runScript(
  client: Client,
  statements: readonly string[],
): Promise<readonly (number | null)[]> {
  return new Promise((resolve, reject) => {
    client.query(new Script(statements, resolve, reject));
  });
}

// A line break: a statement may end in a comment.
const separator = '\n;\n';

// The client takes any object with these methods for a query of its queue.
class Script {
  readonly #statements: readonly string[];
  readonly #resolve: (rows: readonly (number | null)[]) => void;
  readonly #reject: (failure: ScriptFailure) => void;
  readonly #rows: (number | null)[] = [];
  #failed = false;

  constructor(
    statements: readonly string[],
    resolve: (rows: readonly (number | null)[]) => void,
    reject: (failure: ScriptFailure) => void,
  ) {
    this.#statements = statements;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: Connection): void {
    connection.query(this.#statements.join(separator));
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const count = /^[A-Z ]+ (?:\d+ )?(\d+)$/.exec(text)?.[1];
    this.#rows.push(count === undefined ? null : Number(count));
  }

  handleError(error: Error & { position?: string }): void {
    this.#failed = true;
    const failed = Math.min(this.#rows.length, this.#statements.length - 1);
    const before = this.#statements.slice(0, failed).map((statement) => statement + separator);
    // The server counts characters (code points) of the whole message.
    const offset = countCharacters(before.join(''));
    if (error.position !== undefined) error.position = String(Number(error.position) - offset);
    this.#reject({ error, statement: this.#statements[failed] ?? '' });
  }

  handleReadyForQuery(): void {
    if (!this.#failed) this.#resolve(this.#rows);
  }

  // COPY FROM STDIN: there is nothing to send.
  handleCopyInResponse(connection: Connection): void {
    (connection as unknown as { sendCopyFail: (reason: string) => void }).sendCopyFail(
      'No source stream defined',
    );
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}
}
