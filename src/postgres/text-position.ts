// The three ways to count places in a text, and exact conversions between them: JavaScript counts
// UTF-16 units, PostgreSQL's parser bytes of UTF-8, and people lines and characters.

/** A place as people and editors name it: both count from 1, columns count characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * Prepares a text for many questions "which line and column is this offset?".
 *
 * @example
 * const positionAt = positionsIn('SELECT 1;\nSELECT 2;');
 * positionAt(10); // { line: 2, column: 1 }
 */
export function positionsIn(text: string): (offset: number) => Position {
  const lineStarts = [0];
  for (const newline of text.matchAll(/\r\n|\n|\r/g)) {
    lineStarts.push(newline.index + newline[0].length);
  }
  return (offset) => {
    const line = lastAtOrBefore(lineStarts, offset);
    const start = lineStarts[line] ?? 0;
    return { line: line + 1, column: countCharacters(text.slice(start, offset)) + 1 };
  };
}

/** The UTF-16 offset of the character with number `index` (counted from 0). */
export function offsetOfCharacter(text: string, index: number): number {
  let offset = 0;
  for (let passed = 0; passed < index && offset < text.length; passed += 1) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset;
}

const markEvery = 256;

/** Converts offsets in the UTF-8 bytes of `text` into UTF-16 offsets. */
export function byteOffsetsIn(text: string): (byte: number) => number {
  if (Buffer.byteLength(text) === text.length) return (byte) => byte;
  // The byte offset of every 256th unit: few to keep, and never far to walk.
  const marks: number[] = [];
  let bytes = 0;
  for (let offset = 0; offset < text.length; offset += 1) {
    if (offset % markEvery === 0) marks.push(bytes);
    bytes += bytesOf(text.charCodeAt(offset));
  }
  return (byte) => {
    const mark = lastAtOrBefore(marks, byte);
    let offset = mark * markEvery;
    let passed = marks[mark] ?? 0;
    while (passed < byte && offset < text.length) {
      passed += bytesOf(text.charCodeAt(offset));
      offset += 1;
    }
    return offset;
  };
}

// The two units of a surrogate pair share its four bytes, so each counts as two.
function bytesOf(unit: number): number {
  if (unit < 0x80) return 1;
  if (unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff)) return 2;
  return 3;
}

/** How many characters (code points) a text has, as PostgreSQL counts them. */
export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

// Index of the last number that is not above `wanted` in an ascending list.
function lastAtOrBefore(ascending: readonly number[], wanted: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((ascending[middle] ?? 0) <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}
