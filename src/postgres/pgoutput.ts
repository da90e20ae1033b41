// Reads what the plugin pgoutput sends (manual, 55.9, protocol version 1): whole transactions, every value
// as the server's own text. Nothing is interpreted on the way, so nothing is rounded.

/** A column as the stream describes it. */
export interface StreamColumn {
  readonly name: string;
  readonly type: number;
}

/** A table as it was at that place of the stream. */
export interface StreamTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly StreamColumn[];
}

/** One value: its text, NULL, or `undefined` for a large value that did not change and was not sent. */
export type StreamValue = string | null | undefined;

/** One change of one row, or a TRUNCATE. */
export type RowChange =
  | { readonly kind: 'insert'; readonly table: StreamTable; readonly row: readonly StreamValue[] }
  | {
      readonly kind: 'update';
      readonly table: StreamTable;
      /** The whole old row, or its key alone; nothing where the key did not change. */
      readonly old: readonly StreamValue[] | null;
      readonly row: readonly StreamValue[];
    }
  | { readonly kind: 'delete'; readonly table: StreamTable; readonly old: readonly StreamValue[] }
  | { readonly kind: 'truncate'; readonly tables: readonly StreamTable[] };

/** A message of `pg_logical_emit_message`. */
export interface StreamMessage {
  readonly prefix: string;
  readonly content: string;
}

/** One committed transaction, or a part of one that begins with a message. */
export interface StreamTransaction {
  readonly xid: number;
  /** Everything before this place is known when it has been applied; null: more of it follows. */
  readonly endLsn: bigint | null;
  readonly messages: readonly StreamMessage[];
  readonly changes: readonly RowChange[];
}

// A migration may change more rows than fit into memory, and it begins with a message.
const partSize = 10_000;

/** Puts the pieces of the stream together. */
export class StreamDecoder {
  readonly #tables = new Map<number, StreamTable>();
  #xid = 0;
  #changes: RowChange[] = [];
  #messages: StreamMessage[] = [];

  /**
   * Takes one message; its bytes are copied before it returns.
   *
   * @returns the transaction that it completes, or a part of one that is large
   */
  take(bytes: Buffer): StreamTransaction | undefined {
    const completed = this.#read(bytes);
    if (completed !== undefined || this.#messages.length === 0) return completed;
    return this.#changes.length < partSize ? undefined : this.#part(null);
  }

  #part(endLsn: bigint | null): StreamTransaction {
    const part = { xid: this.#xid, endLsn, messages: this.#messages, changes: this.#changes };
    this.#changes = [];
    return part;
  }

  #read(bytes: Buffer): StreamTransaction | undefined {
    const reader = new Reader(bytes);
    switch (reader.letter()) {
      case 'B':
        reader.skip(16);
        this.#xid = reader.int32();
        this.#changes = [];
        this.#messages = [];
        return undefined;
      case 'C':
        reader.skip(9);
        return this.#part(reader.int64());
      case 'M':
        reader.skip(9);
        this.#messages.push({ prefix: reader.text(), content: reader.counted() });
        return undefined;
      case 'R':
        this.#relation(reader);
        return undefined;
      case 'I':
        this.#changes.push({ kind: 'insert', table: this.#table(reader), row: newRow(reader) });
        return undefined;
      case 'U':
        this.#update(reader);
        return undefined;
      case 'D': {
        const table = this.#table(reader);
        reader.skip(1);
        this.#changes.push({ kind: 'delete', table, old: reader.row() });
        return undefined;
      }
      case 'T': {
        const count = reader.int32();
        reader.skip(1);
        const tables = Array.from({ length: count }, () => this.#table(reader));
        this.#changes.push({ kind: 'truncate', tables });
        return undefined;
      }
      // Names of types and origins.
      default:
        return undefined;
    }
  }

  #update(reader: Reader): void {
    const table = this.#table(reader);
    const first = reader.letter();
    const old = first === 'N' ? null : reader.row();
    if (old !== null) reader.skip(1);
    this.#changes.push({ kind: 'update', table, old, row: reader.row() });
  }

  #relation(reader: Reader): void {
    const oid = reader.int32();
    const schema = reader.text();
    const name = reader.text();
    reader.skip(1);
    const columns = Array.from({ length: reader.int16() }, () => {
      reader.skip(1);
      const column = { name: reader.text(), type: reader.int32() };
      reader.skip(4);
      return column;
    });
    this.#tables.set(oid, { oid, schema, name, columns });
  }

  #table(reader: Reader): StreamTable {
    const oid = reader.int32();
    const table = this.#tables.get(oid);
    if (table === undefined) throw new Error(`the stream did not describe table ${oid}`);
    return table;
  }
}

function newRow(reader: Reader): StreamValue[] {
  reader.skip(1);
  return reader.row();
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  letter(): string {
    this.#at += 1;
    return String.fromCharCode(this.#bytes.readUInt8(this.#at - 1));
  }

  skip(count: number): void {
    this.#at += count;
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readUInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.#bytes.readBigUInt64BE(this.#at - 8);
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  counted(): string {
    const length = this.int32();
    this.#at += length;
    return this.#bytes.toString('utf8', this.#at - length, this.#at);
  }

  row(): StreamValue[] {
    return Array.from({ length: this.int16() }, () => {
      const kind = this.letter();
      if (kind === 'n') return null;
      return kind === 'u' ? undefined : this.counted();
    });
  }
}
