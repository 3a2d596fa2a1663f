import type { Timestamp } from "@bufbuild/protobuf/wkt";

/** Milliseconds since the epoch, or undefined when the field is not set. */
export function toMillis(at: Timestamp | undefined): number | undefined {
  return at && Number(at.seconds) * 1000 + Math.floor(at.nanos / 1e6);
}

/** Milliseconds as `350 ms`, `4.2 s`, `3 m 05 s`, `2 h 07 m`, `3 d 4 h`. Never negative. */
export function formatDuration(ms: number): string {
  const clamped = Math.max(0, ms);
  if (clamped < 1000) return `${Math.round(clamped)} ms`;
  const seconds = Math.floor(clamped / 1000);
  if (seconds < 10) return `${(Math.floor(clamped / 100) / 10).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${pad(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${pad(minutes % 60)} m`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A duration that ticks: whole seconds, so that it does not flicker. */
export function formatTicking(ms: number): string {
  return ms < 10_000 ? `${Math.floor(Math.max(0, ms) / 1000)} s` : formatDuration(ms);
}

/** `just now`, `12 s ago`, `5 m ago`, `3 h ago`, `2 d ago`, then the date. */
export function formatRelative(at: number, now: number): string {
  const seconds = Math.floor((now - at) / 1000);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  const days = Math.floor(hours / 24);
  return days < 14 ? `${days} d ago` : formatDate(at);
}

/** `in 12 s`, `in 5 m`, `in 3 h`, `in 2 d`, or `overdue`. */
export function formatRemaining(at: number, now: number): string {
  const seconds = Math.ceil((at - now) / 1000);
  if (seconds <= 0) return "overdue";
  if (seconds < 60) return `in ${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `in ${minutes} m`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `in ${hours} h ${pad(minutes % 60)} m` : `in ${Math.floor(hours / 24)} d`;
}

/** Date and time with seconds and zone, in the reader's own zone. */
export function formatAbsolute(at: number): string {
  return new Intl.DateTimeFormat("en-GB", {
    dateStyle: "medium",
    timeStyle: "long",
  }).format(at);
}

/** `14:03:07.123`, in the reader's own zone. */
export function formatClock(at: number): string {
  const date = new Date(at);
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(":");
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function formatDate(at: number): string {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" }).format(at);
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
