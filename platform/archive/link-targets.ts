/** Linux gives up after 40 links; a chain as long as that is no one's wish. */
const MAX_HOPS = 40;

/**
 * Whether following `link` could leave the tree. `links` holds the targets of all links of the tree by path, one character a byte.
 * Targets are followed through each other as the kernel would: a `..` behind a link leads up from where the link leads, not from its name.
 */
export const escapesTree = (link: string, links: ReadonlyMap<string, string>): boolean => {
  const place = link.split('/').slice(0, -1);
  const pending = (links.get(link) ?? '').split('/').reverse();
  if (links.get(link)?.startsWith('/')) return true;
  for (let hops = 0; pending.length > 0; ) {
    const part = pending.pop() ?? '';
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (place.pop() === undefined) return true;
      continue;
    }
    const target = links.get([...place, part].join('/'));
    if (target === undefined) {
      place.push(part);
      continue;
    }
    hops += 1;
    if (target.startsWith('/') || hops > MAX_HOPS) return true;
    pending.push(...target.split('/').reverse());
  }
  return false;
};
