import { describe, expect, it } from "vitest";
import { carriedStyle, parseAnsi, stripAnsi } from "./ansi";

const ESC = "\u001b";

describe("parseAnsi", () => {
  it("names the sixteen colours and the decorations", () => {
    expect(parseAnsi(`${ESC}[1;31mbad${ESC}[0m ok`, "")).toEqual([
      { text: "bad", names: ["fg-red", "bold"], color: undefined, background: undefined },
      { text: " ok", names: [], color: undefined, background: undefined },
    ]);
    expect(parseAnsi(`${ESC}[92;44mx`, "")[0]?.names).toEqual(["fg-bright-green", "bg-blue"]);
  });

  it("gives palette and full colours as values", () => {
    expect(parseAnsi(`${ESC}[38;5;208mx`, "")[0]?.color).toBe("rgb(255, 135, 0)");
    expect(parseAnsi(`${ESC}[48;5;244mx`, "")[0]?.background).toBe("rgb(128, 128, 128)");
    expect(parseAnsi(`${ESC}[38;2;1;2;3mx`, "")[0]?.color).toBe("rgb(1, 2, 3)");
  });

  it("begins with the colour of the line before", () => {
    expect(parseAnsi("more", `${ESC}[32m`)).toMatchObject([{ text: "more", names: ["fg-green"] }]);
  });

  it("treats markup as text", () => {
    const text = "<img src=x onerror=alert(1)> &amp; \u001b[31m<b>";
    expect(parseAnsi(text, "").map((span) => span.text)).toEqual([
      "<img src=x onerror=alert(1)> &amp; ",
      "<b>",
    ]);
  });
});

describe("stripAnsi", () => {
  it.each([
    ["colours", `${ESC}[1;38;5;208mx${ESC}[0m`, "x"],
    ["cursor movements", `a${ESC}[2K${ESC}[1Gb${ESC}[?25l`, "ab"],
    [
      "titles and links",
      `${ESC}]0;title\u0007${ESC}]8;;http://h${ESC}\\text${ESC}]8;;${ESC}\\`,
      "text",
    ],
    ["control characters", "a\u0007\u0000b\tc", "ab\tc"],
    ["a sequence cut off", `a${ESC}`, "a"],
  ])("removes %s", (_, text, expected) => {
    expect(stripAnsi(text)).toBe(expected);
  });
});

describe("carriedStyle", () => {
  it("adds until a reset", () => {
    expect(carriedStyle("", `${ESC}[1mx${ESC}[31my`)).toBe(`${ESC}[1m${ESC}[31m`);
    expect(carriedStyle(`${ESC}[31m`, "plain")).toBe(`${ESC}[31m`);
    expect(carriedStyle(`${ESC}[31m`, `x${ESC}[0m`)).toBe("");
    expect(carriedStyle(`${ESC}[31m`, `x${ESC}[m${ESC}[32m`)).toBe(`${ESC}[32m`);
  });

  it("stays bounded when a program never resets", () => {
    expect(carriedStyle("", `${ESC}[31mx`.repeat(1000))).toHaveLength(8 * 5);
  });
});
