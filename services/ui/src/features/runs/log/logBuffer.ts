import type { LogStream, StreamLogsResponse } from "../../../gen/maestro/v1/runs_pb";
import { carriedStyle } from "./ansi";

/** One line of output. `style` is the colour state it begins with. */
export interface LogLine {
  /** From 1, over both streams in the order their lines began. */
  number: number;
  stream: LogStream;
  text: string;
  style: string;
}

type Chunk = Pick<StreamLogsResponse, "stream" | "offset" | "data">;

/** Lines kept; older ones are dropped from the top. */
export const MAX_LINES = 50_000;
/** Characters kept of one line: a log without line ends must not freeze the page. */
export const MAX_LINE_LENGTH = 16_384;

interface StreamState {
  decoder: TextDecoder;
  /** Byte offset after the last byte taken. */
  next: bigint;
  /** The unfinished line; undefined at the start of a line. */
  open: LogLine | undefined;
  /** A carriage return came last: a line end if `\n` follows, else the line is written anew. */
  returned: boolean;
  style: string;
}

/**
 * Assembles lines from byte chunks: characters split over chunks, partial lines, `\r\n`, lone `\r`
 * (a progress bar rewrites its line) and two interleaved streams. Chunks that were seen already
 * (after a reconnect the log starts over) change nothing.
 */
export class LogBuffer {
  private streams = new Map<LogStream, StreamState>();
  private kept: LogLine[] = [];
  private count = 0;

  /** The lines, oldest first. A fresh array after every `append`; changed lines are fresh too. */
  get lines(): readonly LogLine[] {
    return this.kept;
  }

  /** Lines dropped from the top because there were more than `MAX_LINES`. */
  get dropped(): number {
    return this.count - this.kept.length;
  }

  append(chunks: Chunk[]): void {
    this.kept = this.kept.slice();
    for (const chunk of chunks) this.take(chunk);
    if (this.kept.length > MAX_LINES) this.kept = this.kept.slice(-MAX_LINES);
  }

  private take(chunk: Chunk): void {
    const state = this.state(chunk.stream);
    const end = chunk.offset + BigInt(chunk.data.length);
    if (end <= state.next) return;
    const fresh =
      chunk.offset < state.next
        ? chunk.data.subarray(Number(state.next - chunk.offset))
        : chunk.data;
    state.next = end;
    this.write(chunk.stream, state, state.decoder.decode(fresh, { stream: true }));
  }

  private write(stream: LogStream, state: StreamState, text: string): void {
    for (const [piece] of text.matchAll(/\n|\r|[^\n\r]+/g)) {
      if (piece === "\n") {
        const line = state.open ?? this.begin(stream, state);
        state.style = carriedStyle(line.style, line.text);
        state.open = undefined;
        state.returned = false;
      } else if (piece === "\r") {
        state.returned = true;
      } else {
        this.extend(stream, state, piece);
      }
    }
  }

  private begin(stream: LogStream, state: StreamState): LogLine {
    this.count += 1;
    state.open = { number: this.count, stream, text: "", style: state.style };
    this.kept.push(state.open);
    return state.open;
  }

  private extend(stream: LogStream, state: StreamState, piece: string): void {
    const line = state.open ?? this.begin(stream, state);
    const before = state.returned ? "" : line.text;
    const longer = { ...line, text: (before + piece).slice(0, MAX_LINE_LENGTH) };
    state.returned = false;
    state.open = longer;
    const index = line.number - this.dropped - 1;
    if (index >= 0) this.kept[index] = longer;
  }

  private state(stream: LogStream): StreamState {
    let state = this.streams.get(stream);
    if (!state) {
      state = {
        decoder: new TextDecoder(),
        next: 0n,
        open: undefined,
        returned: false,
        style: "",
      };
      this.streams.set(stream, state);
    }
    return state;
  }
}

/** The lines as plain text, for the clipboard. */
export function plainText(lines: readonly LogLine[], strip: (text: string) => string): string {
  return lines.map((line) => strip(line.text)).join("\n");
}
