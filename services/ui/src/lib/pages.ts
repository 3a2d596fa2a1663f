/** One page of a keyset list; `next` is empty on the last. */
export interface Page<T> {
  items: T[];
  next: string;
}

/** How a list is ordered and which items belong to it. */
export interface ListRules<T> {
  id(item: T): string;
  revision(item: T): bigint;
  matches(item: T): boolean;
  /** Negative when `a` stands before `b` (newest first). */
  order(a: T, b: T): number;
}

/**
 * Puts a changed item where it belongs: replaced in place, inserted in order, or removed when it no
 * longer matches. Returns the same array when nothing changed. An item older than every loaded one
 * stays out while there are pages left to load, because one of them will bring it.
 */
export function patchPages<T>(pages: Page<T>[], item: T, rules: ListRules<T>): Page<T>[] {
  const id = rules.id(item);
  for (const [at, page] of pages.entries()) {
    const index = page.items.findIndex((each) => rules.id(each) === id);
    const known = page.items[index];
    if (known === undefined) continue;
    if (rules.revision(known) > rules.revision(item)) return pages;
    const items = rules.matches(item)
      ? page.items.with(index, item)
      : page.items.toSpliced(index, 1);
    return pages.with(at, { ...page, items });
  }
  return rules.matches(item) ? insert(pages, item, rules) : pages;
}

function insert<T>(pages: Page<T>[], item: T, rules: ListRules<T>): Page<T>[] {
  for (const [at, page] of pages.entries()) {
    const index = page.items.findIndex((each) => rules.order(item, each) < 0);
    if (index >= 0) {
      return pages.with(at, { ...page, items: page.items.toSpliced(index, 0, item) });
    }
  }
  const last = pages.at(-1);
  if (last?.next !== "") return pages;
  return pages.with(-1, { ...last, items: [...last.items, item] });
}

/** Every item once, in order: paging and live changes may overlap. */
export function flattenPages<T>(pages: Page<T>[], id: (item: T) => string): T[] {
  const seen = new Set<string>();
  return pages
    .flatMap((page) => page.items)
    .filter((item) => !seen.has(id(item)) && seen.add(id(item)));
}
