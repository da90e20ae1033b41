import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import { testContext } from '../../test/database.ts';
import { backUp } from '../backup/back-up.ts';
import type { Failure } from '../core/failure.ts';
import { run } from '../core/process.ts';
import { type SandboxServer, startServer } from '../sandbox/server.ts';
import { Address, quoteLiteral } from './address.ts';
import { clientEnvironment } from './archive.ts';
import { connect } from './connect.ts';
import { clientFor, programPath } from './programs.ts';
import { encryptionOf } from './tls.ts';

const nothing = {
  sslmode: undefined,
  sslrootcert: undefined,
  sslcert: undefined,
  sslkey: undefined,
};

describe('what an address says of encryption', () => {
  it('is none unless it says so', () => {
    expect(encryptionOf(nothing)).toBe(false);
    expect(encryptionOf({ ...nothing, sslmode: 'disable' })).toBe(false);
  });

  it('is checked as libpq checks it', () => {
    const checks = (sslmode: string): unknown => encryptionOf({ ...nothing, sslmode });
    expect(checks('require')).toMatchObject({ rejectUnauthorized: false });
    expect(checks('verify-full')).toMatchObject({ rejectUnauthorized: true });
    expect(checks('verify-full')).not.toHaveProperty('checkServerIdentity');
  });

  it.each([
    [{ ...nothing, sslmode: 'verify-fully' }, 'none of disable, allow'],
    [{ ...nothing, sslmode: 'verify-ca', sslrootcert: '/nowhere/root.crt' }, '/nowhere/root.crt'],
  ])('is told when it makes no sense: %j', (parameters, message) => {
    expect(() => encryptionOf(parameters)).toThrow(
      expect.objectContaining({
        code: 'config/bad-tls',
        message: expect.stringContaining(message),
      }),
    );
  });
});

// Needs openssl to make certificates.
describe.skipIf(spawnSync('openssl', ['version']).status !== 0)(
  'a server with a certificate',
  () => {
    let folder: string;
    let server: SandboxServer;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'drydock-tls-'));
      makeCertificates();
      server = await startServer(testContext(), { purpose: 'tests', tcp: true });
      await using database = await connect(server.address('postgres'), { purpose: 'test' });
      for (const file of ['server.crt', 'server.key']) {
        const text = readFileSync(join(folder, file), 'utf8').trim();
        await database.execute(
          `COPY (SELECT unnest(string_to_array(${quoteLiteral(text)}, E'\n')))
         TO PROGRAM 'cat > ${file} && chmod 600 ${file}'`,
        );
      }
      await database.execute('ALTER SYSTEM SET ssl = on');
      await database.execute('SELECT pg_reload_conf()');
    });

    afterAll(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    // A certificate for "localhost" by an authority of our own, and an authority that knows nothing of it.
    function makeCertificates(): void {
      const openssl = (line: string): void => {
        const { status, stderr } = spawnSync('openssl', line.split(' '), {
          cwd: folder,
          encoding: 'utf8',
        });
        if (status !== 0) throw new Error(`openssl ${line}: ${stderr}`);
      };
      const key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
      for (const name of ['root', 'other']) {
        openssl(`req -x509 ${key} -days 2 -subj /CN=${name} -keyout ${name}.key -out ${name}.crt`);
      }
      openssl(`req ${key} -subj /CN=localhost -keyout server.key -out server.csr`);
      openssl(
        'x509 -req -in server.csr -CA root.crt -CAkey root.key -CAcreateserial -days 2 -out server.crt',
      );
    }

    function addressOf(host: string, parameters: string): Address {
      const plain = new URL(server.address('postgres').connectionString());
      plain.hostname = host;
      plain.search = parameters.replaceAll('FOLDER', folder);
      return Address.parse(plain.href);
    }

    async function encryptedBy(host: string, parameters: string): Promise<boolean> {
      await using database = await connect(addressOf(host, parameters), { purpose: 'test' });
      const { ssl } = await database.one<{ ssl: boolean }>(
        'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      );
      return ssl;
    }

    it.each([
      ['localhost', '?sslmode=verify-full&sslrootcert=FOLDER/root.crt', true],
      ['127.0.0.1', '?sslmode=verify-ca&sslrootcert=FOLDER/root.crt', true],
      ['127.0.0.1', '?sslmode=require', true],
      ['127.0.0.1', '?sslmode=disable', false],
    ])('lets %s%s in', async (host, parameters, encrypted) => {
      // The server takes its certificate when it has read its settings again.
      await expect.poll(() => encryptedBy(host, parameters).catch(String)).toBe(encrypted);
    });

    it.each([
      ['localhost', '?sslmode=verify-full&sslrootcert=FOLDER/other.crt', 'certificate'],
      [
        '127.0.0.1',
        '?sslmode=verify-full&sslrootcert=FOLDER/root.crt',
        'IP: 127.0.0.1 is not in the',
      ],
      ['localhost', '?sslmode=verify-full', 'certificate'],
      ['127.0.0.1', '?sslmode=require&sslrootcert=FOLDER/other.crt', 'certificate'],
    ])('is not believed at %s%s', async (host, parameters, why) => {
      await expect(encryptedBy(host, parameters)).rejects.toMatchObject({
        code: 'postgres/unreachable',
        message: expect.stringContaining(why),
      });
    });

    describe('the client programs', () => {
      async function dumpBy(parameters: string): Promise<{ exitCode: number; stderr: string }> {
        const address = addressOf('localhost', parameters);
        const clients = await clientFor(server.major * 10_000);
        return await run(
          programPath(clients, 'pg_dump'),
          ['--schema-only', `--dbname=${address.toolArgument()}`],
          { env: clientEnvironment(address) },
        );
      }

      it('check the same certificate', async () => {
        const { exitCode, stderr } = await dumpBy(
          '?sslmode=verify-full&sslrootcert=FOLDER/root.crt',
        );
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      });

      it('refuse another authority as well', async () => {
        const { exitCode, stderr } = await dumpBy(
          '?sslmode=verify-full&sslrootcert=FOLDER/other.crt',
        );
        expect(exitCode).not.toBe(0);
        expect(stderr).toContain('certificate verify failed');
      });
    });

    it('that is not believed keeps the password out of what is said', async () => {
      const address = addressOf('localhost', '?sslmode=verify-full&sslrootcert=FOLDER/other.crt');
      const options = backUpOptions(address, join(folder, 'backups'));
      const failure = await backUp(testContext(), options).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'postgres/unreachable', databaseState: 'untouched' });
      const { message, hint, details } = failure as Failure;
      const { PGPASSWORD = '' } = address.toolEnvironment();
      expect(PGPASSWORD).not.toBe('');
      expect(JSON.stringify([message, hint, details])).not.toContain(PGPASSWORD);
      expect(readdirSync(join(folder, 'backups', 'production'))).toEqual([]);
    });
  },
);
