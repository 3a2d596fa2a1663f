import Anser from "anser";

/** A stretch of text in one look. */
export interface Span {
  text: string;
  /** Names such as `fg-red` or `bold`, which the style sheet knows. */
  names: string[];
  /** Colours beyond the sixteen named ones, as CSS values. */
  color?: string;
  background?: string;
}

const ESC = "\u001b";
// Operating-system commands (titles, hyperlinks) end with BEL or ST.
const oscPattern = new RegExp(`${ESC}\\][^\\u0007${ESC}]*(?:\\u0007|${ESC}\\\\)?`, "g");
// Control sequences other than colours, and two-character escapes.
const otherPattern = new RegExp(
  `${ESC}\\[[0-9;:?<=>!]*[ -/]*[@-ln-~]|${ESC}[()#][0-9A-Za-z]|${ESC}[@-Z\\\\^_=>78cM]`,
  "g",
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
const controlPattern = /[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f]/g;
const colorPattern = new RegExp(`${ESC}\\[[0-9;]*m`, "g");

/** Everything a terminal would act on is removed; text and colours stay. */
function onlyColors(text: string): string {
  return text.replace(oscPattern, "").replace(otherPattern, "").replace(controlPattern, "");
}

/** The text without any escape sequence. */
export function stripAnsi(text: string): string {
  return onlyColors(text).replace(colorPattern, "").replaceAll(ESC, "");
}

/** Splits a line into spans; `style` is the colour state it begins with. */
export function parseAnsi(text: string, style: string): Span[] {
  const clean = onlyColors(text);
  if (!style && !clean.includes(ESC)) return clean ? [{ text: clean, names: [] }] : [];
  const entries = Anser.ansiToJson(style + clean, {
    json: true,
    use_classes: true,
    remove_empty: true,
  });
  return entries.map((entry) => {
    const foreground = look(entry.fg, entry.fg_truecolor);
    const background = look(entry.bg, entry.bg_truecolor);
    return {
      text: entry.content.replaceAll(ESC, ""),
      names: [
        ...(foreground.name ? [`fg-${foreground.name}`] : []),
        ...(background.name ? [`bg-${background.name}`] : []),
        ...(foreground.value ? ["fg-custom"] : []),
        ...(background.value ? ["bg-custom"] : []),
        ...entry.decorations,
      ],
      color: foreground.value,
      background: background.value,
    };
  });
}

/** A colour is one of sixteen names, one of 240 palette entries, or given in full. */
function look(name: string | null, full: string | null): { name?: string; value?: string } {
  if (!name) return {};
  if (name === "ansi-truecolor") return full ? { value: `rgb(${full})` } : {};
  const palette = /^ansi-palette-(\d+)$/.exec(name);
  if (palette) return { value: paletteColor(Number(palette[1])) };
  return { name: name.replace(/^ansi-/, "") };
}

/** Entries 16–231 are a 6×6×6 cube, 232–255 greys. */
function paletteColor(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const levels = [0, 95, 135, 175, 215, 255];
  const [red, green, blue] = [36, 6, 1].map((step) => levels[Math.floor((index - 16) / step) % 6]);
  return `rgb(${red}, ${green}, ${blue})`;
}

/** Colour sequences still in force after `text`, given those before it. */
export function carriedStyle(style: string, text: string): string {
  if (!text.includes(ESC)) return style;
  const carried = [...(style.match(colorPattern) ?? [])];
  for (const [sequence] of text.matchAll(colorPattern)) {
    if (sequence === `${ESC}[m` || /\[0+m$/.test(sequence)) carried.length = 0;
    else carried.push(sequence);
  }
  return carried.slice(-8).join("");
}
