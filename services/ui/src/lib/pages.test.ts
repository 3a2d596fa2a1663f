import { describe, expect, it } from "vitest";
import { flattenPages, type ListRules, type Page, patchPages } from "./pages";

interface Item {
  id: string;
  at: number;
  revision: bigint;
  shown: boolean;
}

const rules: ListRules<Item> = {
  id: (item) => item.id,
  revision: (item) => item.revision,
  matches: (item) => item.shown,
  order: (a, b) => b.at - a.at,
};

const item = (id: string, at: number, fields: Partial<Item> = {}): Item => ({
  id,
  at,
  revision: 1n,
  shown: true,
  ...fields,
});

const ids = (pages: Page<Item>[]) => pages.map((page) => page.items.map((each) => each.id));

const twoPages = (): Page<Item>[] => [
  { items: [item("d", 40), item("c", 30)], next: "t1" },
  { items: [item("b", 20)], next: "t2" },
];

describe("patchPages", () => {
  it("puts a new item first and one between two where it belongs", () => {
    expect(ids(patchPages(twoPages(), item("e", 50), rules))).toEqual([["e", "d", "c"], ["b"]]);
    expect(ids(patchPages(twoPages(), item("x", 25), rules))).toEqual([
      ["d", "c"],
      ["x", "b"],
    ]);
  });

  it("leaves out an item older than all while there are pages left to load", () => {
    const pages = twoPages();
    expect(patchPages(pages, item("a", 10), rules)).toBe(pages);
  });

  it("appends such an item to a list that is complete", () => {
    const complete = twoPages().with(1, { items: [item("b", 20)], next: "" });
    expect(ids(patchPages(complete, item("a", 10), rules))).toEqual([
      ["d", "c"],
      ["b", "a"],
    ]);
    expect(ids(patchPages([{ items: [], next: "" }], item("a", 10), rules))).toEqual([["a"]]);
  });

  it("replaces a known item in place", () => {
    const changed = item("b", 20, { revision: 2n });
    const patched = patchPages(twoPages(), changed, rules);
    expect(patched[1]?.items[0]).toBe(changed);
    expect(ids(patched)).toEqual(ids(twoPages()));
  });

  it("ignores a change older than what is shown", () => {
    const pages = [{ items: [item("a", 10, { revision: 5n })], next: "" }];
    expect(patchPages(pages, item("a", 10, { revision: 4n }), rules)).toBe(pages);
  });

  it("removes an item that no longer matches and never adds one that does not", () => {
    const hidden = { shown: false, revision: 2n };
    expect(ids(patchPages(twoPages(), item("c", 30, hidden), rules))).toEqual([["d"], ["b"]]);
    const pages = twoPages();
    expect(patchPages(pages, item("e", 50, hidden), rules)).toBe(pages);
  });

  it("changes nothing it was given", () => {
    const pages = twoPages();
    patchPages(pages, item("e", 50), rules);
    expect(pages).toEqual(twoPages());
  });
});

describe("flattenPages", () => {
  it("shows an item once when paging and live changes overlap", () => {
    const pages = [
      { items: [item("b", 2)], next: "t" },
      { items: [item("b", 2), item("a", 1)], next: "" },
    ];
    expect(flattenPages(pages, rules.id).map(rules.id)).toEqual(["b", "a"]);
  });
});
