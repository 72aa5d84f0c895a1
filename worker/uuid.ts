/** Writes an id from the journal's hex in the form that is used everywhere else. */
export function uuidFromHex(hex: string): string {
  const version = hex.slice(12, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${version}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
