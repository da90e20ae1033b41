// Where backups are, as a configuration says it: a folder, and perhaps a store beside it.

import { resolve } from 'node:path';
import * as z from 'zod';
import { messageOf } from '../core/failure.ts';
import { type Config, Secret } from './environment.ts';
import { isS3, parseStoreAddress } from './store-address.ts';

/** What a configuration may say of the place of backups. */
export type BackupsInput =
  | string
  | {
      /** Folder in which backups are taken. Default: `backups`. */
      folder?: string;
      /** Where each is kept beside that: `s3://bucket/prefix?endpoint=https://host&region=…`, or a folder. */
      store?: string;
      /** Public keys for which backups in the store are encrypted with age. */
      encryptTo?: string[];
      /** File of the private key for restores; `DRYDOCK_AGE_IDENTITY` names it too. */
      identity?: string;
    };

/** The same, checked. */
export interface CheckedBackups {
  folder: string;
  store?: string | undefined;
  encryptTo?: string[] | undefined;
  identity?: string | undefined;
}

/** Checks that part of a configuration. */
export const backupsSchema: z.ZodType<CheckedBackups> = z.preprocess(
  (said) => (typeof said === 'string' ? { [isS3(said) ? 'store' : 'folder']: said } : (said ?? {})),
  z
    .strictObject({
      folder: z.string().min(1).default('backups'),
      store: z.string().min(1).optional(),
      encryptTo: z
        .array(
          z.string().regex(/^(age1[0-9a-z]+|ssh-\S+ \S+.*)$/, 'is not a public key like age1…'),
        )
        .min(1)
        .optional(),
      identity: z.string().min(1).optional(),
    })
    .superRefine(({ store, encryptTo }, context) => {
      if (encryptTo !== undefined && store === undefined) {
        context.addIssue({ code: 'custom', path: ['encryptTo'], message: 'wants a store' });
      }
      try {
        if (store !== undefined) parseStoreAddress(store, '/');
      } catch (error) {
        context.addIssue({ code: 'custom', path: ['store'], message: messageOf(error) });
      }
    }),
);

const keyNames = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as const;

/** The trusted place of what was checked. */
export function backupsPlace(
  { folder, store, encryptTo, identity }: CheckedBackups,
  { root, variables }: { readonly root: string; readonly variables: NodeJS.ProcessEnv },
): Pick<Config, 'backups' | 'store'> {
  const backups = resolve(root, folder);
  if (store === undefined) return { backups, store: undefined };
  const identityFile = variables.DRYDOCK_AGE_IDENTITY || identity;
  const keys = keyNames.map((name) => [name, variables[name]] as const);
  return {
    backups,
    store: {
      address: parseStoreAddress(store, root),
      encryptTo: encryptTo ?? [],
      identityFile: identityFile === undefined ? undefined : resolve(root, identityFile),
      keys: Object.fromEntries(
        keys.flatMap(([name, key]) => (key === undefined ? [] : [[name, new Secret(key)]])),
      ),
    },
  };
}
