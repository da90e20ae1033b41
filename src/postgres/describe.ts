// What a statement would take and give, as the server understands it: Parse and Describe of the
// extended protocol (manual, 55.2.3). Nothing is executed.

import type { Client, Connection } from 'pg';

/** A statement as the server understands it. */
export interface StatementShape {
  /** Types of the parameters as object ids, given ones and inferred ones. */
  readonly parameters: readonly number[];
  /** What it returns; empty for a statement without RETURNING. */
  readonly columns: readonly {
    readonly name: string;
    readonly type: number;
    /** `-1`, or what is in the parentheses of `varchar(20)`, as the catalog has it. */
    readonly modifier: number;
  }[];
}

interface RowDescription {
  readonly fields: readonly { name: string; dataTypeID: number; dataTypeModifier: number }[];
}

/**
 * Describes a statement without a name.
 *
 * @param types object ids of parameter types; 0 leaves one to the server
 */
export function describeStatement(
  client: Client,
  sql: string,
  types: readonly number[],
): Promise<StatementShape> {
  return new Promise((resolve, reject) => {
    client.query(new Description({ sql, types, resolve, reject }));
  });
}

// The client takes any object with these methods for a query of its queue. What it does not hand on,
// the parameters, is listened for on the connection itself.
class Description {
  readonly #wish: {
    sql: string;
    types: readonly number[];
    resolve: (shape: StatementShape) => void;
    reject: (error: Error) => void;
  };
  #parameters: readonly number[] = [];
  #columns: StatementShape['columns'] = [];
  #failed = false;

  constructor(wish: {
    sql: string;
    types: readonly number[];
    resolve: (shape: StatementShape) => void;
    reject: (error: Error) => void;
  }) {
    this.#wish = wish;
  }

  submit(connection: Connection): void {
    const { sql, types } = this.#wish;
    connection.once('parameterDescription', this.#onParameters);
    connection.parse({ name: '', text: sql, types: [...types] } as never, true);
    connection.describe({ type: 'S', name: '' }, true);
    connection.sync();
  }

  readonly #onParameters = ({ dataTypeIDs }: { dataTypeIDs: readonly number[] }): void => {
    this.#parameters = dataTypeIDs;
  };

  handleRowDescription({ fields }: RowDescription): void {
    this.#columns = fields.map(({ name, dataTypeID, dataTypeModifier }) => ({
      name,
      type: dataTypeID,
      modifier: dataTypeModifier,
    }));
  }

  handleError(error: Error, connection: Connection): void {
    this.#failed = true;
    connection.off('parameterDescription', this.#onParameters);
    this.#wish.reject(error);
  }

  handleReadyForQuery(): void {
    if (!this.#failed) this.#wish.resolve({ parameters: this.#parameters, columns: this.#columns });
  }

  handleEmptyQuery(): void {}
  handleCommandComplete(): void {}
}
