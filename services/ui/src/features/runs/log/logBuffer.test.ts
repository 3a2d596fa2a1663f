import { describe, expect, it } from "vitest";
import { LogStream } from "../../../gen/maestro/v1/runs_pb";
import { LogBuffer, MAX_LINE_LENGTH, MAX_LINES } from "./logBuffer";

const OUT = LogStream.STDOUT;
const ERR = LogStream.STDERR;
const encoder = new TextEncoder();

/** Writes chunks as the server sends them: offsets count the bytes of each stream. */
class Writer {
  readonly buffer = new LogBuffer();
  private offsets = new Map<LogStream, bigint>();

  write(stream: LogStream, data: string | Uint8Array): this {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const offset = this.offsets.get(stream) ?? 0n;
    this.offsets.set(stream, offset + BigInt(bytes.length));
    this.buffer.append([{ stream, offset, data: bytes }]);
    return this;
  }

  get texts(): string[] {
    return this.buffer.lines.map((line) => line.text);
  }
}

describe("line assembly", () => {
  it("joins a line from several chunks and shows it while it grows", () => {
    const log = new Writer().write(OUT, "com");
    expect(log.texts).toEqual(["com"]);
    log.write(OUT, "piling\nnext");
    expect(log.texts).toEqual(["compiling", "next"]);
  });

  it("keeps empty lines and adds none after a final line end", () => {
    expect(new Writer().write(OUT, "a\n\nb\n").texts).toEqual(["a", "", "b"]);
  });

  it("decodes characters that are split over chunks", () => {
    const bytes = encoder.encode("grün 🎻\n");
    const log = new Writer();
    for (const byte of bytes) log.write(OUT, Uint8Array.of(byte));
    expect(log.texts).toEqual(["grün 🎻"]);
  });

  it("decodes each stream on its own", () => {
    const [first = 0, second = 0] = encoder.encode("é");
    const log = new Writer()
      .write(OUT, Uint8Array.of(first))
      .write(ERR, "x\n")
      .write(OUT, Uint8Array.of(second));
    expect(log.texts).toEqual(["x", "é"]);
  });

  it("replaces bytes that are no text instead of failing", () => {
    expect(new Writer().write(OUT, Uint8Array.of(0x61, 0xff, 0x62)).texts).toEqual(["a\ufffdb"]);
  });
});

describe("carriage returns", () => {
  it("takes \\r\\n as one line end, also when split", () => {
    expect(new Writer().write(OUT, "a\r\nb\r").write(OUT, "\nc").texts).toEqual(["a", "b", "c"]);
  });

  it("lets a progress bar rewrite its line", () => {
    const log = new Writer().write(OUT, "10 %\r50 %\r");
    expect(log.texts).toEqual(["50 %"]);
    expect(log.write(OUT, "done\nnext").texts).toEqual(["done", "next"]);
  });
});

describe("two streams", () => {
  it("keeps partial lines apart, in the order they began", () => {
    const log = new Writer()
      .write(OUT, "out ")
      .write(ERR, "err ")
      .write(OUT, "1\n")
      .write(ERR, "2\n");
    expect(log.buffer.lines.map(({ number, stream, text }) => [number, stream, text])).toEqual([
      [1, OUT, "out 1"],
      [2, ERR, "err 2"],
    ]);
  });
});

describe("a log that starts over after a reconnect", () => {
  it("changes nothing it has and takes the rest", () => {
    const buffer = new LogBuffer();
    const chunk = (offset: bigint, text: string) => ({
      stream: OUT,
      offset,
      data: encoder.encode(text),
    });
    buffer.append([chunk(0n, "one\ntw")]);
    buffer.append([chunk(0n, "one\ntw"), chunk(6n, "o\n")]);
    buffer.append([chunk(4n, "two\nthree")]);
    expect(buffer.lines.map((line) => line.text)).toEqual(["one", "two", "three"]);
  });
});

describe("limits", () => {
  it("drops the oldest lines and keeps their numbers", () => {
    const log = new Writer().write(OUT, "line\n".repeat(MAX_LINES + 2)).write(OUT, "last");
    expect(log.buffer.lines).toHaveLength(MAX_LINES);
    expect(log.buffer.dropped).toBe(3);
    expect(log.buffer.lines[0]?.number).toBe(4);
    expect(log.write(OUT, " one").buffer.lines.at(-1)?.text).toBe("last one");
  });

  it("cuts a line without end", () => {
    const [line] = new Writer().write(OUT, "x".repeat(MAX_LINE_LENGTH * 3)).texts;
    expect(line).toHaveLength(MAX_LINE_LENGTH);
  });
});

it("gives changed lines a new identity and keeps the others", () => {
  const log = new Writer().write(OUT, "a\nb");
  const [a, b] = log.buffer.lines;
  log.write(OUT, "c");
  expect(log.buffer.lines[0]).toBe(a);
  expect(log.buffer.lines[1]).not.toBe(b);
});

it("carries colours over line ends, per stream", () => {
  const log = new Writer().write(OUT, "\u001b[31mred\nstill\u001b[0m\nplain").write(ERR, "\nerr");
  expect(log.buffer.lines.map((line) => line.style)).toEqual(["", "\u001b[31m", "", "", ""]);
});
