import { describe, expect, it, vi } from "vitest";
import { takeLoginCode } from "./loginCode";

function take(pathname: string, hash: string, search = "") {
  const history = { state: { kept: true }, replaceState: vi.fn() };
  return { code: takeLoginCode({ pathname, search, hash }, history), history };
}

describe("takeLoginCode", () => {
  it("returns the code and removes it from the address bar", () => {
    const { code, history } = take("/login", "#c0de");
    expect(code).toBe("c0de");
    expect(history.replaceState).toHaveBeenCalledExactlyOnceWith({ kept: true }, "", "/login");
  });

  it("decodes the fragment and keeps the query", () => {
    const { code, history } = take("/login", "#a%2Bb", "?x=1");
    expect(code).toBe("a+b");
    expect(history.replaceState).toHaveBeenCalledWith({ kept: true }, "", "/login?x=1");
  });

  it("takes a fragment that is not valid percent-encoding as it is", () => {
    expect(take("/login", "#100%").code).toBe("100%");
  });

  it.each([
    ["/login", ""],
    ["/login", "#"],
    ["/runs", "#content"],
  ])("leaves %s%s alone", (pathname, hash) => {
    const { code, history } = take(pathname, hash);
    expect(code).toBeNull();
    expect(history.replaceState).not.toHaveBeenCalled();
  });

  it("removes a blank fragment without a code", () => {
    const { code, history } = take("/login", "#%20");
    expect(code).toBeNull();
    expect(history.replaceState).toHaveBeenCalledOnce();
  });
});
