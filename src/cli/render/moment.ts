/** A moment on the clock of this machine: `2026-03-01 02:14:09`. */
export function moment(at: Date | null): string {
  if (at === null) return 'an unknown time';
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
