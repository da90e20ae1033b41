// An application behind a pool: eight clients that write again and again, as fast as one that is
// brought back from the log can follow on a busy machine, and stop at their first error.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Address } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';

/** Clients of the pool that write again and again. */
export class PoolClients {
  written = 0;
  readonly errors: unknown[] = [];
  #running = true;
  readonly #work: Promise<unknown>;

  constructor(address: Address, statement: string) {
    const clients = Array.from({ length: 8 }, async () => {
      await using session = await connect(address, { purpose: 'client' });
      try {
        while (this.#running) {
          await session.execute(statement);
          this.written += 1;
          await sleep(10);
        }
      } catch (error) {
        this.errors.push(error);
      }
    });
    this.#work = Promise.all(clients);
  }

  /** Waits until each could have written several times. */
  async more(): Promise<void> {
    const goal = this.written + 100;
    await expect.poll(() => this.written + this.errors.length * 1_000).toBeGreaterThan(goal);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#work;
  }
}
