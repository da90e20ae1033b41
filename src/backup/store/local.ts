// A store in a folder: another disk, a mounted share.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { throwIfInterrupted } from '../../core/context.ts';
import { roomIn } from '../../core/disk.ts';
import { formatBytes } from '../../core/duration.ts';
import { Failure } from '../../core/failure.ts';
import { partialName } from '../file-name.ts';
import { syncFolder } from '../manifest.ts';
import {
  type Content,
  fileChanged,
  fileMissing,
  isSame,
  type Store,
  type StoredFile,
  type Transfer,
  unreachable,
} from './store.ts';

/**
 * A store in a folder.
 *
 * @throws `store/unreachable` from every method when the folder cannot be read or written
 */
export function localStore(folder: string): Store {
  const root = resolve(folder);
  const pathOf = (key: string): string => join(root, ...key.split('/'));
  const reaching = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw code === undefined || error instanceof Error === false || !/^E[A-Z]+$/.test(code)
        ? error
        : unreachable(root, code, error);
    }
  };
  return {
    label: root,
    put: (key, path, transfer) =>
      reaching(async () => {
        await refuseFullDisk(root, transfer.content.sizeBytes);
        await writeWhole(pathOf(key), (partial) =>
          copy(path, partial, { ...transfer, what: path }),
        );
      }),
    get: (key, path, transfer) =>
      reaching(async () => {
        const from = pathOf(key);
        if (!(await isFile(from))) throw fileMissing(root, key);
        try {
          await copy(from, path, { ...transfer, what: from });
        } catch (failure) {
          await rm(path, { force: true });
          throw failure;
        }
      }),
    write: (key, text) =>
      reaching(() =>
        writeWhole(pathOf(key), async (partial) => {
          await using file = await open(partial, 'wx', 0o600);
          await file.writeFile(text);
          await file.sync();
        }),
      ),
    read: (key) =>
      reaching(() =>
        readFile(pathOf(key), 'utf8').catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return undefined;
          throw error;
        }),
      ),
    list: (prefix) =>
      reaching(async () => (await walk(root)).filter(({ key }) => key.startsWith(prefix))),
    remove: (key) =>
      reaching(async () => {
        await rm(pathOf(key), { force: true });
        await syncFolder(dirname(pathOf(key)));
      }),
    sweep: (before) =>
      reaching(async () => {
        let swept = 0;
        for (const name of await namesIn(root)) {
          const path = join(root, name);
          if (!isPartial(name) || (await stat(path)).mtime >= before) continue;
          await rm(path, { force: true });
          swept += 1;
        }
        return swept;
      }),
  };
}

async function refuseFullDisk(root: string, neededBytes: number): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const room = await roomIn(root);
  if (room === undefined || room.freeBytes - room.reserveBytes >= neededBytes) return;
  throw new Failure({
    code: 'store/no-space',
    message: `there is no room in the store ${root}: ${formatBytes(room.freeBytes)} are free and ${formatBytes(neededBytes)} are needed`,
    hint: `Make room there (\`df -h ${root}\` shows the disk), then type the same command again.`,
  });
}

// Under another name first, and on the disk, so that the real name says "whole".
async function writeWhole(path: string, write: (partial: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const partial = join(dirname(path), await partialName(basename(path)));
  try {
    await rm(partial, { force: true });
    await write(partial);
    await rename(partial, path);
  } catch (failure) {
    await rm(partial, { force: true });
    throw failure;
  }
  await syncFolder(dirname(path));
}

async function copy(
  from: string,
  to: string,
  { content, signal, onBytes, what }: Transfer & { readonly what: string },
): Promise<void> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  await using file = await open(to, 'wx', 0o600);
  for await (const chunk of createReadStream(from, { highWaterMark: 1024 ** 2 })) {
    throwIfInterrupted(signal);
    const bytes = chunk as Buffer;
    hash.update(bytes);
    await file.writeFile(bytes);
    sizeBytes += bytes.length;
    onBytes?.(sizeBytes);
  }
  await file.sync();
  const found: Content = { sizeBytes, sha256: hash.digest('hex') };
  if (!isSame(found, content)) throw fileChanged(what, found, content);
}

async function walk(root: string): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for (const name of await namesIn(root)) {
    const found = await stat(join(root, name)).catch(() => undefined);
    if (found?.isFile() !== true || isPartial(name)) continue;
    files.push({
      key: name.split(sep).join('/'),
      sizeBytes: found.size,
      storedAt: found.mtime,
    });
  }
  return files.sort((a, b) => (a.key < b.key ? -1 : 1));
}

async function namesIn(root: string): Promise<string[]> {
  return await readdir(root, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

function isPartial(name: string): boolean {
  return basename(name).startsWith('.') && name.endsWith('.partial');
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}
