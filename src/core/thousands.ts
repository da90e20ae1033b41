// A count for people. The language data that toLocaleString loads costs every command 10 ms and more.

/**
 * A whole number with a comma between its thousands.
 *
 * @example thousands(1234567) // '1,234,567'
 */
export function thousands(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}
