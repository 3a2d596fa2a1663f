/** A stream that tests write to. Every reader gets everything from the beginning. */
export class Channel<T> {
  private items: T[] = [];
  private closed = false;
  private wake = new Set<() => void>();

  push(...items: T[]): void {
    this.items.push(...items);
    this.notify();
  }

  close(): void {
    this.closed = true;
    this.notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (let at = 0; ; at += 1) {
      while (at >= this.items.length) {
        if (this.closed) return;
        await new Promise<void>((resolve) => this.wake.add(resolve));
      }
      yield this.items[at] as T;
    }
  }

  private notify(): void {
    const waiting = [...this.wake];
    this.wake.clear();
    for (const wake of waiting) wake();
  }
}
