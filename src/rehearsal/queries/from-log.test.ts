import { describe, expect, it } from 'vitest';
import { statementsInLog } from './from-log.ts';

// Lines that PostgreSQL 15 wrote.
const plain = `2026-01-15 08:00:00.123 UTC [77] app@shop LOG:  statement: SELECT 1;
2026-01-15 08:00:00.124 UTC [77] app@shop LOG:  duration: 0.123 ms  execute <unnamed>: SELECT *
\tFROM users
\tWHERE id = $1
2026-01-15 08:00:00.124 UTC [77] app@shop DETAIL:  parameters: $1 = '7'
2026-01-15 08:00:00.125 UTC [77] app@shop LOG:  duration: 0.020 ms
2026-01-15 08:00:00.126 UTC [77] app@shop ERROR:  relation "nothing" does not exist at character 15
`;

const csv = `2026-01-15 08:00:00.123 UTC,"app","shop",77,"[local]",69688f00.4d,1,"SELECT",2026-01-15 08:00:00 UTC,3/2,0,LOG,00000,"statement: SELECT ""Name"",
 2",,,,,,,,,"psql","client backend",,0
2026-01-15 08:00:00.124 UTC,"app","shop",77,"[local]",69688f00.4d,2,"idle",2026-01-15 08:00:00 UTC,3/0,0,LOG,00000,"disconnection: session time: 0:00:00.001",,,,,,,,,"psql","client backend",,0
`;

const json = `{"timestamp":"2026-01-15 08:00:00.123 UTC","error_severity":"LOG","message":"execute a1: UPDATE users SET age = $1"}
{"timestamp":"2026-01-15 08:00:00.124 UTC","error_severity":"LOG","message":"checkpoint starting: time"}
{"timestamp":"2026-0`;

describe('a log', () => {
  it.each([
    ['stderr', plain, ['SELECT 1;', 'SELECT *\nFROM users\nWHERE id = $1']],
    ['csv', csv, ['SELECT "Name",\n 2']],
    ['json', json, ['UPDATE users SET age = $1']],
  ] as const)('of the format %s gives its statements and nothing else', (format, log, expected) => {
    expect(statementsInLog(log, format)).toEqual(expected);
  });
});
