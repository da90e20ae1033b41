// Sizes as people write them (`10GB`); core/duration.ts has them as people read them.

const unitBytes: Readonly<Record<string, number>> = {
  kB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
};

/** Bytes of `512MB` or `1.5GB`, in powers of 1024; undefined when the text is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(kB|MB|GB|TB)$/.exec(text.trim());
  if (match === null) return undefined;
  const unit = unitBytes[match[2] ?? ''];
  return unit === undefined ? undefined : Number(match[1]) * unit;
}
