// Text files are imported as strings: esbuild's `text` loader in the build, a plugin in vitest.
declare module '*.sql' {
  const text: string;
  export default text;
}
declare module '*.sh' {
  const text: string;
  export default text;
}
declare module '*.txt' {
  const text: string;
  export default text;
}
