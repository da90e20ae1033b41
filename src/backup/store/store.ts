// Where backups are kept beside the folder they are taken in: the least that a place must promise.
// It knows files and their names; what of them is a backup, kept.ts knows.

import { Failure } from '../../core/failure.ts';

/** What a file must be when it is read back. */
export interface Content {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A file in a store. */
export interface StoredFile {
  /** Its name with slashes, below the root of the store. */
  readonly key: string;
  readonly sizeBytes: number;
  /** By the clock of the store. */
  readonly storedAt: Date;
}

/** How a file is brought there or back. */
export interface Transfer {
  readonly content: Content;
  readonly signal: AbortSignal;
  /** Told how many bytes have arrived so far. */
  readonly onBytes?: (bytes: number) => void;
}

/** A place for files; whoever has written sees it at once. */
export interface Store {
  /** For people: a folder or an address, never with a secret. */
  readonly label: string;

  /**
   * Keeps a file. It has its name when it is whole there and on the disk, and not before: whoever
   * lists or reads meanwhile sees the file of that name from before, or none. Reads the file once,
   * as a stream, and compares it with `content` on the way. What an interrupted `put` of the same
   * file had brought over is not sent again where the place can tell.
   *
   * @throws `store/file-changed` when the file is not `content`
   */
  put(key: string, path: string, transfer: Transfer): Promise<void>;

  /**
   * Brings a file back to `path`, which must not exist, readable by its owner alone. A broken
   * connection is taken up where it broke. Any failure leaves nothing at `path`.
   *
   * @throws `store/file-missing`, `store/file-changed` when what comes back is not `content`
   */
  get(key: string, path: string, transfer: Transfer): Promise<void>;

  /** Keeps a short text, as `put` does; replaces the one of that name in one moment. */
  write(key: string, text: string): Promise<void>;

  /** The text of that name; undefined when there is none. */
  read(key: string): Promise<string | undefined>;

  /** The whole files whose names begin so, in the order of their names. */
  list(prefix: string): Promise<readonly StoredFile[]>;

  /** Removes a file; does nothing when there is none. */
  remove(key: string): Promise<void>;

  /** Removes what interrupted puts from before that time have left, and says how many there were. */
  sweep(before: Date): Promise<number>;
}

/** Any store fails with these codes beside those of its methods. */
export function unreachable(label: string, said: string, cause?: unknown): Failure {
  return new Failure({
    code: 'store/unreachable',
    message: `cannot reach the store ${label}: ${said}`,
    hint: 'Look whether that address is right and can be reached from here, then type the same command again.',
    cause,
  });
}

/** The failure for a file that is not in a store. */
export function fileMissing(label: string, key: string): Failure {
  return new Failure({
    code: 'store/file-missing',
    message: `there is no ${key} in ${label}`,
    hint: 'Choose another backup: `drydock backups` lists them.',
  });
}

/** The failure for a file that is another one than it was. */
export function fileChanged(what: string, found: Content, expected: Content): Failure {
  const reason =
    found.sizeBytes === expected.sizeBytes
      ? 'its content is different'
      : `it has ${found.sizeBytes} bytes instead of ${expected.sizeBytes}`;
  return new Failure({
    code: 'store/file-changed',
    message: `${what} is not the file that was written: ${reason}`,
    hint: 'Choose another backup: `drydock backups` lists them.',
    details: { expected, found },
  });
}

/** True when a file is what it must be. */
export function isSame(found: Content, expected: Content): boolean {
  return found.sizeBytes === expected.sizeBytes && found.sha256 === expected.sha256;
}
