import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Config } from './environment.ts';
import { parseConfig } from './schema.ts';

function parse(backups: unknown, variables: NodeJS.ProcessEnv = {}): Config {
  return parseConfig(
    { backups, environments: { dev: {} } },
    { root: '/project', file: undefined, variables },
  );
}

describe('the place of backups', () => {
  it('is a folder, absolute or below the project', () => {
    for (const [said, folder] of [
      [undefined, '/project/backups'],
      ['kept', '/project/kept'],
      ['/srv/kept', '/srv/kept'],
      [{ folder: 'kept' }, '/project/kept'],
    ]) {
      expect(parse(said)).toMatchObject({ backups: folder, store: undefined });
    }
  });

  it('is a bucket beside the folder, by its address', () => {
    const { backups, store } = parse(
      's3://my.bucket/a/b/?endpoint=https://s3.example:9000/&region=eu',
    );
    expect(backups).toBe('/project/backups');
    expect(store?.address).toEqual({
      kind: 's3',
      endpoint: 'https://s3.example:9000',
      region: 'eu',
      bucket: 'my.bucket',
      prefix: 'a/b/',
      label: 's3://my.bucket/a/b',
    });
    expect(parse('s3://bucket?region=eu-central-1').store?.address).toMatchObject({
      endpoint: 'https://s3.eu-central-1.amazonaws.com',
      prefix: '',
    });
  });

  it('may be a store in a folder, encrypted, with the key named here or by the environment', () => {
    const said = { store: 'disk', encryptTo: ['age1abc'], identity: 'key.txt' };
    expect(parse(said).store).toEqual({
      address: { kind: 'folder', folder: '/project/disk' },
      encryptTo: ['age1abc'],
      identityFile: '/project/key.txt',
      keys: {},
    });
    const { store } = parse(said, { DRYDOCK_AGE_IDENTITY: '/run/key.txt' });
    expect(store?.identityFile).toBe('/run/key.txt');
  });

  it('takes the keys from the environment alone and does not show them', () => {
    const config = parse('s3://bucket', {
      AWS_ACCESS_KEY_ID: 'k3y',
      AWS_SECRET_ACCESS_KEY: 's3cret',
    });
    expect(config.store?.keys.AWS_SECRET_ACCESS_KEY?.reveal()).toBe('s3cret');
    expect(JSON.stringify(config) + inspect(config, { depth: 9 })).not.toMatch(/k3y|s3cret/);
  });

  it.each([
    ['a key in the address', 's3://key:s3cret@bucket', 'AWS_ACCESS_KEY_ID'],
    ['no bucket', 's3:///prefix', 'names no bucket'],
    ['an unknown part', 's3://bucket?zone=1', 'unknown part zone'],
    ['a wrong endpoint', 's3://bucket?endpoint=host', 'like https://host'],
    ['encryption without a store', { encryptTo: ['age1abc'] }, 'wants a store'],
    [
      'a private key for a public one',
      { store: 'd', encryptTo: ['AGE-SECRET-KEY-1S3CRET'] },
      'not a public key',
    ],
    ['an unknown word', { stores: 's3://bucket' }, 'stores'],
  ])('refuses %s, and does not repeat it', (_name, said, problem) => {
    const parsing = (): Config => parse(said);
    expect(parsing).toThrow(expect.objectContaining({ code: 'config/invalid' }));
    expect(parsing).toThrow(problem);
    expect(parsing).not.toThrow(/s3cret/i);
  });
});
