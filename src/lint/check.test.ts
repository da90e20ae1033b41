import { describe, expect, it } from 'vitest';
import { type CheckOptions, check } from './check.ts';
import { about, type Finding } from './finding.ts';
import { SchemaModel } from './model/schema.ts';

async function findingsOf(sql: string, options: CheckOptions = {}): Promise<readonly Finding[]> {
  return (await check([{ path: '001.sql', sql }], options)).findings;
}

/** The rules above a note that find something, once each, in order. */
async function rulesOf(sql: string, options: CheckOptions = {}): Promise<string[]> {
  const findings = await findingsOf(sql, options);
  return [...new Set(findings.filter((each) => each.severity !== 'info').map((each) => each.rule))];
}

const migratedBy = (sql: string): CheckOptions => ({ earlier: [{ path: '000.sql', sql }] });

describe('the runbook', () => {
  it('has no error in its complete example, and a warning for the index on the live table', async () => {
    const sql = `BEGIN;
ALTER TABLE users ADD COLUMN IF NOT EXISTS is_teacher BOOLEAN DEFAULT false;
CREATE INDEX IF NOT EXISTS idx_users_is_teacher ON users(is_teacher);
CREATE TABLE IF NOT EXISTS teacher_profiles (
    id SERIAL PRIMARY KEY,
    user_id VARCHAR(255) REFERENCES users(user_id),
    school_name VARCHAR(255),
    created_at TIMESTAMP DEFAULT NOW()
);
COMMIT;`;
    const findings = await findingsOf(sql);
    expect(findings.filter((finding) => finding.severity === 'error')).toEqual([]);
    expect(findings.map((finding) => finding.rule)).toContain('index-without-concurrently');
  });

  it('is told the truth about its four scenarios', async () => {
    expect(await rulesOf("ALTER TABLE users ADD COLUMN tier VARCHAR(20) DEFAULT 'basic';")).toEqual(
      [],
    );
    expect(await rulesOf('ALTER TABLE users RENAME COLUMN a TO a_deprecated;')).toEqual([
      'rename-breaks-running-code',
    ]);
    expect(
      await rulesOf('ALTER TABLE users ALTER COLUMN age TYPE INTEGER USING age::INTEGER;'),
    ).toEqual(['column-type-rewrite']);
    expect(await rulesOf('ALTER TABLE users ALTER COLUMN email SET NOT NULL;')).toEqual([
      'set-not-null-scans',
    ]);
  });

  it('has its four forbidden statements named as data loss', async () => {
    const sql =
      'DROP TABLE users;\nALTER TABLE t DROP COLUMN c;\nTRUNCATE orders;\nDELETE FROM sessions;';
    const report = await check([{ path: '001.sql', sql }]);
    expect(about(report, 'data-loss').map((finding) => finding.line)).toEqual([1, 2, 3, 4]);
  });
});

describe('a table made in the same file', () => {
  it.each([
    'CREATE TABLE t (id int); CREATE INDEX ON t (id);',
    'CREATE TABLE app."T" (id int); CREATE INDEX ON app."T" (id);',
    'SET search_path = app; CREATE TABLE t (id int); CREATE INDEX ON app.t (id);',
    'CREATE TABLE t AS SELECT 1 AS id; ALTER TABLE t ALTER COLUMN id SET NOT NULL;',
    'SELECT 1 AS id INTO t; ALTER TABLE t ADD PRIMARY KEY (id);',
    'CREATE MATERIALIZED VIEW v AS SELECT 1 AS id; CREATE UNIQUE INDEX ON v (id);',
    'CREATE TEMP TABLE t (id int); DELETE FROM t;',
    'CREATE TABLE t (id int); ALTER TABLE t RENAME TO u; CREATE INDEX ON u (id);',
    'CREATE TABLE t (id int); DROP TABLE t;',
    'DROP TABLE IF EXISTS t; CREATE TABLE IF NOT EXISTS t (id int); CREATE INDEX ON t (id);',
  ])('is empty and nobody waits for it: %s', async (sql) => {
    const rules = await rulesOf(sql);
    expect(rules.filter((rule) => rule !== 'drop-table')).toEqual([]);
  });

  it('is told from one of another schema, and from one in other quotes', async () => {
    expect(await rulesOf('CREATE TABLE a.t (id int); CREATE INDEX ON b.t (id);')).toHaveLength(1);
    expect(await rulesOf('CREATE TABLE "T" (id int); CREATE INDEX ON t (id);')).toHaveLength(1);
  });

  it('is not proved by IF NOT EXISTS', async () => {
    const sql = 'CREATE TABLE IF NOT EXISTS t (id int); CREATE INDEX ON t (id);';
    const finding = (await findingsOf(sql)).find(
      (each) => each.rule === 'index-without-concurrently',
    );
    expect(finding?.confidence).toEqual({
      kind: 'depends',
      on: 'whether t existed before this file',
    });
    expect(await rulesOf(sql, { schema: new SchemaModel({ isComplete: true }) })).toEqual([]);
    expect(await rulesOf(sql, { isWholeHistory: true })).toEqual([]);
  });

  it('is old in the next file', async () => {
    expect(
      await rulesOf('CREATE INDEX ON t (id);', migratedBy('CREATE TABLE t (id int);')),
    ).toEqual(['index-without-concurrently']);
  });
});

describe('the model', () => {
  const users = migratedBy(
    'CREATE TABLE users (id bigint PRIMARY KEY, name varchar(50), age int);',
  );

  it.each([
    ['varchar to a longer one', 'name TYPE varchar(100)', []],
    ['varchar to text', 'name TYPE text', []],
    ['a USING that says nothing', 'name TYPE text USING name::text', []],
    [
      'varchar to a shorter one',
      'name TYPE varchar(10)',
      ['column-type-rewrite', 'narrowing-type-change'],
    ],
    ['int to bigint', 'age TYPE bigint', ['column-type-rewrite']],
    ['the same type', 'age TYPE integer', []],
  ])('knows %s', async (_, change, rules) => {
    const found = await rulesOf(`ALTER TABLE users ALTER COLUMN ${change};`, users);
    expect(found.sort()).toEqual(rules);
  });

  it('takes a validated CHECK as proof, and only that', async () => {
    const proof = (check: string, validated: boolean): CheckOptions =>
      migratedBy(
        `CREATE TABLE t (c int); ALTER TABLE t ADD CONSTRAINT p CHECK (${check}) NOT VALID;${validated ? ' ALTER TABLE t VALIDATE CONSTRAINT p;' : ''}`,
      );
    const sql = 'ALTER TABLE t ALTER COLUMN c SET NOT NULL;';
    expect(await rulesOf(sql, proof('c IS NOT NULL', true))).toEqual([]);
    expect(await rulesOf(sql, proof('c IS NOT NULL AND c > 0', true))).toEqual([]);
    expect(await rulesOf(sql, proof('c IS NOT NULL OR c > 0', true))).toHaveLength(1);
    expect(await rulesOf(sql, proof('c > 0', true))).toHaveLength(1);
    expect(await rulesOf(sql, proof('c IS NOT NULL', false))).toHaveLength(1);
    expect(
      await rulesOf(
        'ALTER TABLE t ALTER COLUMN c SET NOT NULL, DROP CONSTRAINT p;',
        proof('c IS NOT NULL', true),
      ),
    ).toHaveLength(1);
  });

  it('knows which functions are computed for each row', async () => {
    const add = (value: string): string => `ALTER TABLE users ADD COLUMN c text DEFAULT ${value};`;
    expect(await rulesOf(add("lower('X')"))).toEqual([]);
    expect(await rulesOf(add('now()::text'))).toEqual([]);
    expect(await rulesOf(add('random()::text'))).toEqual(['column-with-volatile-default']);
    const own = migratedBy(
      'CREATE FUNCTION mine() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;',
    );
    expect(await rulesOf(add('mine()'), own)).toEqual(['column-with-volatile-default']);
  });

  it('weighs a finding by the size and the traffic of its table', async () => {
    const sized = (bytes: number, callsPerSecond: number): CheckOptions => {
      const schema = new SchemaModel();
      schema.setSize('public.users', { rows: 1, bytes, callsPerSecond });
      return { schema };
    };
    const severity = async (options: CheckOptions): Promise<string | undefined> =>
      (await findingsOf('CREATE INDEX i ON users (age);', options)).find(
        (each) => each.rule === 'index-without-concurrently',
      )?.severity;
    expect(await severity(sized(1_000, 1_000))).toBe('info');
    expect(await severity(sized(1e9, 1))).toBe('warning');
    expect(await severity(sized(1e9, 1_000))).toBe('error');
  });
});

describe('transactions', () => {
  it('are Drydock’s where the file has none, and end where a statement must run alone', async () => {
    const added = 'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;';
    const validated = 'ALTER TABLE t VALIDATE CONSTRAINT c;';
    expect(await rulesOf(`${added} ${validated}`)).toEqual([]);
    expect(await rulesOf(`BEGIN; ${added} ${validated} COMMIT;`)).toEqual([
      'validated-in-same-transaction',
    ]);
    expect(await rulesOf(`${added} CREATE INDEX CONCURRENTLY i ON t (a); ${validated}`)).toEqual(
      [],
    );
    expect(await rulesOf(`-- drydock: no-transaction\n${added} ${validated}`)).toEqual([]);
    expect(await rulesOf(`BEGIN; ${added} COMMIT; BEGIN; ${validated} COMMIT;`)).toEqual([]);
    expect(await rulesOf(`${added} ${validated}`, { runner: 'other' })).not.toContain(
      'validated-in-same-transaction',
    );
  });
});

describe('procedural code', () => {
  it('is looked into where it runs, with exact places', async () => {
    const sql = 'DO $$\nBEGIN\n  DROP TABLE users;\nEND $$;';
    const finding = (await findingsOf(sql)).find((each) => each.rule === 'drop-table');
    expect(finding).toMatchObject({ line: 3, column: 3, severity: 'error' });
  });

  it('is followed through EXECUTE of a constant text', async () => {
    expect(await rulesOf("DO $$ BEGIN EXECUTE 'TRUNCATE users'; END $$;")).toEqual(['truncate']);
  });

  it('that makes its text at run time is told as unchecked', async () => {
    const findings = await findingsOf(
      "DO $$ DECLARE x text; BEGIN EXECUTE 'DROP TABLE ' || x; END $$;",
    );
    expect(findings.map((finding) => finding.rule)).toContain('dynamic-sql-unchecked');
  });

  it('of a routine depends on its being called, and counts where it is called', async () => {
    const define =
      'CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE users; END $$;';
    const finding = (await findingsOf(define)).find((each) => each.rule === 'drop-table');
    expect(finding).toMatchObject({ confidence: { kind: 'depends' } });
    const called = await findingsOf(`${define}\nSELECT f();`);
    expect(called.filter((each) => each.rule === 'drop-table').map((each) => each.line)).toEqual([
      1, 2,
    ]);
  });
});

describe('a comment that allows', () => {
  it('takes the finding of the next statement out, with its reason', async () => {
    const sql =
      '-- drydock: allow drop-table because it was never used\nDROP TABLE a;\nDROP TABLE b;';
    const report = await check([{ path: '001.sql', sql }]);
    expect(report.allowed.map((each) => [each.finding.line, each.reason])).toEqual([
      [2, 'it was never used'],
    ]);
    expect(report.findings.find((each) => each.rule === 'drop-table')?.line).toBe(3);
  });

  it('can speak for the whole file', async () => {
    const sql = 'DROP TABLE a;\nDROP TABLE b; -- drydock: allow-file drop-table because both moved';
    expect(await rulesOf(sql)).not.toContain('drop-table');
  });

  it('without a reason allows nothing and is a finding', async () => {
    expect(await rulesOf('-- drydock: allow drop-table\nDROP TABLE a;')).toEqual([
      'allowance-without-use',
      'drop-table',
    ]);
  });

  it('without a finding is one', async () => {
    expect(await rulesOf('-- drydock: allow drop-table because x\nSELECT 1;')).toEqual([
      'allowance-without-use',
    ]);
  });
});

describe('a syntax error', () => {
  it('is told with its place, and hides no other finding', async () => {
    const findings = await findingsOf('SELEC 1;\nDROP TABLE "größe 🚢";');
    expect(findings.filter((each) => each.severity === 'error')).toMatchObject([
      { rule: 'syntax-error', line: 1, column: 1 },
      { rule: 'drop-table', line: 2, column: 1, endColumn: 21, objects: ['"größe 🚢"'] },
    ]);
  });
});
