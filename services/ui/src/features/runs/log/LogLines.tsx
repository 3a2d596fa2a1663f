import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, memo, useEffect, useRef } from "react";
import { LogStream } from "../../../gen/maestro/v1/runs_pb";
import { text } from "../../../text";
import { parseAnsi, type Span } from "./ansi";
import classes from "./Log.module.css";
import { type LogLine, MAX_LINE_LENGTH } from "./logBuffer";

/** Height of an unwrapped line in pixels; the style sheet says the same. */
const LINE_HEIGHT = 19;
/** Closer to the end than this many pixels counts as being at the end. */
const AT_END = 24;

interface Props {
  lines: readonly LogLine[];
  wrap: boolean;
  follow: boolean;
  /** Scrolling away from the end stops following, scrolling to it starts. */
  onFollow: (follow: boolean) => void;
}

/** The lines that are in view; the rest of a long log costs nothing. */
export function LogLines({ lines, wrap, follow, onFollow }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => LINE_HEIGHT,
    getItemKey: (index) => lines[index]?.number ?? index,
    overscan: 20,
    paddingStart: 6,
    paddingEnd: 6,
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: remeasure when the lines break anew
  useEffect(() => virtual.measure(), [wrap]);
  const boxHeight = virtual.scrollRect?.height;
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines and a new height scroll
  useEffect(() => {
    if (follow) virtual.scrollToIndex(lines.length - 1, { align: "end" });
  }, [follow, lines, wrap, boxHeight]);

  const onUserScroll = () => {
    const element = box.current;
    if (!element) return;
    const rest = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (rest > AT_END && follow) onFollow(false);
  };

  return (
    <div
      ref={box}
      className={classes.box}
      data-wrap={wrap || undefined}
      role="log"
      aria-live="off"
      aria-label={text.log.title}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
      tabIndex={0}
      onWheel={(event) => event.deltaY < 0 && onUserScroll()}
      onTouchMove={onUserScroll}
      onKeyUp={onUserScroll}
    >
      <div className={classes.canvas} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const line = lines[item.index];
          return (
            line && (
              <div
                key={item.key}
                ref={virtual.measureElement}
                data-index={item.index}
                className={classes.row}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <Line line={line} />
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

/** The style sheet turns these to shades that can be read in either colour scheme. */
function customColors(span: Span): CSSProperties {
  return { "--ansi-color": span.color, "--ansi-background": span.background } as CSSProperties;
}

const streamNames: Partial<Record<LogStream, string>> = {
  [LogStream.STDERR]: "stderr",
  [LogStream.SYSTEM]: "maestro",
};

const Line = memo(function Line({ line }: { line: LogLine }) {
  const stream = streamNames[line.stream];
  return (
    <div className={classes.line} data-stream={stream} data-log-line={line.number}>
      <span className={classes.number} aria-hidden>
        {line.number}
      </span>
      <span className={classes.text}>
        {stream && <span className={classes.stream}>{stream} </span>}
        {parseAnsi(line.text, line.style).map((span, index) => (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: spans have no identity of their own
            key={index}
            className={span.names.map((name) => classes[name]).join(" ")}
            style={customColors(span)}
          >
            {span.text}
          </span>
        ))}
        {line.text.length >= MAX_LINE_LENGTH && (
          <span className={classes.stream}> {text.log.cut}</span>
        )}
      </span>
    </div>
  );
});
