/** JSON, and the schema of it, which is JSON too. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Schema = { readonly [key: string]: Json };
