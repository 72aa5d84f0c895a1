/**
 * Cuts a version's section out of CHANGELOG.md. While it has none, its notes are what is unreleased, and
 * say so; null when there is neither.
 */
export function releaseNotes(changelog: string, version: string): string | null {
  const sections = changelog.split(/^(?=## )/m);
  const find = (name: string) =>
    sections.find((section) => /^## \[?([^\]\s]+)/.exec(section)?.[1]?.replace(/^v/, "") === name);
  const section = find(version);
  const [title, found] =
    section === undefined ? [" (unreleased)", find("Unreleased")] : ["", section];
  if (found === undefined) return null;
  const body = found.slice(found.indexOf("\n")).trim();
  return `# Papa-Léguas ${version}${title}\n\n${body}\n`;
}
