// A session of the replication protocol (manual, 55.4): makes a slot with an exported snapshot, and
// streams what was committed since.

import type { Client, Connection } from 'pg';
import type { Address } from './address.ts';
import { StreamDecoder, type StreamTransaction } from './pgoutput.ts';
import { connectFailure, statementFailure } from './server-error.ts';

/** What a new slot gives. */
export interface NewSlot {
  /** Sees exactly what the stream does not send; usable while its session does nothing else. */
  readonly snapshot: string;
  /** What was committed before this place is in the snapshot, and nothing else. */
  readonly lsn: bigint;
}

/** What is streamed, and to whom. */
export interface StreamOptions {
  readonly slot: string;
  readonly publication: string;
  /** Transactions in the order of their commits. The next one is handed over when it has resolved. */
  readonly onTransaction: (transaction: StreamTransaction) => Promise<void>;
  /** Called when nothing waits to be handed over. */
  readonly onIdle?: () => Promise<void>;
  /** Up to where everything is kept safely: the server may forget it. */
  readonly safeLsn: () => bigint;
  readonly signal: AbortSignal;
}

// Settings of the database or the role would change the texts of values: extra_float_digits = -5 turns
// 0.30000000000000004 into 0.3.
const pinnedSettings = [
  'extra_float_digits=3',
  'datestyle=ISO',
  'intervalstyle=postgres',
  'bytea_output=hex',
  'timezone=UTC',
  'lc_monetary=C',
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/** The same settings for the session that applies. */
export const pinnedSettingsSql =
  "SET extra_float_digits = 3; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; SET timezone = 'UTC'; SET lc_monetary = 'C'";

const feedbackMs = 1_000;

/** A session of the replication protocol. */
export class ReplicationSession implements AsyncDisposable {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  /** @throws `postgres/unreachable` and what else a connection fails with */
  static async open(address: Address): Promise<ReplicationSession> {
    const { default: pg } = await import('pg');
    const settings = {
      ...address.wire(),
      application_name: 'drydock replication',
      replication: 'database',
      options: pinnedSettings,
    };
    const client = new pg.Client(settings);
    client.on('error', () => {});
    try {
      await client.connect();
    } catch (error) {
      throw connectFailure(error, address);
    }
    return new ReplicationSession(client);
  }

  /**
   * Makes a slot. The publication must exist already: one made later is not known at the slot's first
   * place, and decoding would fail for ever.
   *
   * @param lockTimeoutMs how long it waits for transactions that have already written
   * @param lasting whether it stays when the session ends
   */
  async createSlot(
    name: string,
    { lockTimeoutMs, lasting }: { readonly lockTimeoutMs: number; readonly lasting: boolean },
  ): Promise<NewSlot> {
    // statement_timeout does not end this command; lock_timeout does.
    await this.#run(`SET lock_timeout = ${lockTimeoutMs}`);
    const [row] = await this.#run(
      `CREATE_REPLICATION_SLOT "${name}"${lasting ? '' : ' TEMPORARY'} LOGICAL pgoutput (SNAPSHOT 'export')`,
    );
    return { snapshot: row?.snapshot_name ?? '', lsn: lsnOf(row?.consistent_point ?? '0/0') };
  }

  async #run(command: string): Promise<Record<string, string>[]> {
    try {
      return (await this.#client.query<Record<string, string>>(command)).rows;
    } catch (error) {
      throw statementFailure(error, command);
    }
  }

  /** Streams until the signal fires; rejects when the stream breaks or a transaction is not taken. */
  async stream(options: StreamOptions): Promise<void> {
    const command = `START_REPLICATION SLOT "${options.slot}" LOGICAL 0/0 (proto_version '1', publication_names '${options.publication}', messages 'true')`;
    const { connection } = this.#client as Client & { readonly connection: Connection };
    const decoder = new StreamDecoder();
    const feedback = (): void => sendFeedback(connection, options.safeLsn());
    const timer = setInterval(feedback, feedbackMs);
    try {
      await new Promise<void>((resolve, reject) => {
        let taken: Promise<void> = Promise.resolve();
        let waiting = 0;
        options.signal.addEventListener('abort', () => void taken.then(resolve, reject));
        this.#client.once('end', () => reject(new Error('the replication session ended')));
        // The client's own listener takes these for an error; and its buffer is reused after this call, so
        // the message is decoded within it.
        connection.removeAllListeners('copyData');
        connection.on('copyData', ({ chunk }: { readonly chunk: Buffer }) => {
          if (chunk[0] === keepalive) {
            if (chunk[17] === 1) feedback();
            return;
          }
          const transaction = decoder.take(chunk.subarray(25));
          if (transaction === undefined) return;
          waiting += 1;
          if (waiting >= 1_000) connection.stream.pause();
          taken = taken
            .then(() => (options.signal.aborted ? undefined : options.onTransaction(transaction)))
            .then(async () => {
              waiting -= 1;
              if (waiting < 500) connection.stream.resume();
              if (waiting === 0) await options.onIdle?.();
            });
          taken.catch(reject);
        });
        this.#client
          .query(command)
          .catch((error: unknown) => reject(statementFailure(error, command)));
      });
    } finally {
      clearInterval(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A polite end waits for the stream's; the socket's end is enough.
    const { connection } = this.#client as Client & { readonly connection: Connection };
    connection.stream.destroy();
    await Promise.resolve();
  }
}

// A place of the log as a number: `0/16B3748`.
function lsnOf(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

const keepalive = 'k'.charCodeAt(0);

// Standby status update: written, flushed, applied; the clock is nobody's business here.
function sendFeedback(connection: Connection, lsn: bigint): void {
  const message = Buffer.alloc(34);
  message.write('r');
  for (const at of [1, 9, 17]) message.writeBigUInt64BE(lsn, at);
  const sender = connection as Connection & { sendCopyFromChunk(chunk: Buffer): void };
  sender.sendCopyFromChunk(message);
}
